"""Magnitude pruning of a Keras model: the same architecture comes back, with zeros in its kernels."""

from math import prod

import keras
import numpy as np

from tfopt.core.context import Context
from tfopt.core.outcome import Outcome, Training
from tfopt.distribution.strategies import make_strategy
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.replay import is_graph
from tfopt.report.inspection import Verdict
from tfopt.report.schema import LayerChange
from tfopt.techniques.kernel_selection import Target, targets, verdicts
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.magnitude import sparsity
from tfopt.techniques.pruning.masks import Pruning
from tfopt.techniques.pruning.patterns import NOfM, masks, parse
from tfopt.techniques.repair import Repair, Repaired, repair_on_train
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import load_teacher

RAMP = 0.6  # share of the epochs in which sparsity rises; in the others the remaining weights settle


def prune_weights(artifact: KerasArtifact, config: PruneConfig, context: Context) -> Outcome:
    """Prune a copy of the model; with data it is fine-tuned, or in `one-shot` repaired, without only masked.

    Zeros that are there already stay zero. Clusters and quantization ranges are not kept when it is fine-tuned.
    """
    data, progress = context.data, context.progress
    teacher = load_teacher(config, artifact, data)
    where = make_strategy(config)
    with where.scope():
        model = artifact.fresh_model()
    found, skipped = targets(model, config.exclude, artifact.name)
    found, small = _long_enough(model, found, config)
    skipped = [*skipped, *small]
    notes = [*([teacher.note] if teacher else []), *_counted(config)]
    history: list[dict[str, float]] = []
    training, errors = None, dict[str, Repaired]()
    if data is None or config.schedule == "one-shot":
        if config.engine == "tfmot":
            raise InputError("`engine` tfmot prunes in training, and there is no data: leave it out or give `data`")
        if data is None:
            notes.append("pruned in one shot, weights only: there is no data to fine-tune with")
        _mask(model, _positions(found), config)
        pruned = model
        if data is not None and config.repair:
            repaired = _repaired(artifact, model, context)
            notes += repaired.notes
            errors = repaired.errors
    else:
        pruned = artifact.fresh_model()
        seed_everything(config.seed)
        ramp_epochs = int(config.epochs * RAMP) if config.schedule == "cubic" and not _is_fixed(config) else 0
        plan = FitPlan(
            config.epochs,
            config.batch_size,
            config.learning_rate,
            config.seed,
            select_from=min(ramp_epochs, config.epochs - 1),
            metric=config.metric,
        )
        ramp = ramp_epochs * plan.steps(data)
        if config.schedule == "cubic" and not ramp_epochs:
            why = (
                f"`pattern` {config.pattern} is held" if _is_fixed(config) else f"`epochs` {config.epochs} are too few"
            )
            notes.append(f"sparsity is that of the end from the first step: {why}, and `schedule` cubic has no room")
        if config.engine == "tfmot":
            from tfopt.techniques.pruning.tfmot_engine import fine_tuned
            from tfopt.training.fit_tf_keras import BY_LOSS

            with where.scope():
                pruned, found, refused, history = fine_tuned(
                    model, pruned, found, config, data, plan, ramp, progress, teacher
                )
            notes += [BY_LOSS] if config.metric else []
            skipped = [*skipped, *refused]
        else:
            with where.scope():
                pruning = Pruning([model.weights[i] for i in _positions(found)], config, ramp)
                history = fit(model, data, plan, progress, callbacks=[pruning], teacher=teacher).history
            pruned.set_weights(model.get_weights())
        training = Training([plan.lasting(len(history))], teacher)
    changes = [_change(target, pruned, errors.get(target.layer)) for target in found]
    notes.extend(_remarks(changes, config))
    notes.append(
        "zeros are stored like other numbers: files shrink when compressed, and no time is saved by zeros alone"
    )
    return Outcome(
        KerasArtifact.from_model(pruned, artifact.name),
        layers=changes + skipped,
        notes=notes,
        history=history,
        training=training,
    )


def planned_layers(artifact: KerasArtifact, config: PruneConfig) -> dict[str, Verdict]:
    """Say which layers will be pruned, and by how much."""
    found, skipped = targets(artifact.model, config.exclude, artifact.name)
    found, small = _long_enough(artifact.model, found, config)
    skipped = [*skipped, *small]
    if config.engine == "tfmot":
        from tfopt.techniques.pruning.tfmot_engine import split

        found, refused = split(artifact.model, artifact.name, found)
        skipped += refused
    share = f"{config.sparsity:.0%} of its weights become zero"
    if config.scope == "global":
        share = f"{config.sparsity:.0%} of all weights become zero, of its own the smallest"
    return verdicts({target.layer: share for target in found}, skipped)


def _positions(found: list[Target]) -> list[int]:
    return [position for target in found for position in target.positions]


def _counted(config: PruneConfig) -> list[str]:
    """Say of a pattern N:M how many weights go and how many stay: there are two ways to count."""
    pattern = parse(config.pattern)
    if not isinstance(pattern, NOfM):
        return []
    zeros, group = pattern
    become = "becomes" if zeros == 1 else "become"
    kept = f"keep:{zeros}of{group}"
    other = "" if zeros * 2 == group else f" (`pattern` {kept} would be {group - zeros} zeros)"
    return [f"{zeros} of every {group} input weights {become} zero, {group - zeros} stay{other}"]


def _is_fixed(config: PruneConfig) -> bool:
    """Return whether the pattern holds from the first step: there is no half of N in every M."""
    return isinstance(parse(config.pattern), NOfM)


def _long_enough(
    model: keras.Model, found: list[Target], config: PruneConfig
) -> tuple[list[Target], list[LayerChange]]:
    """Those targets that have a whole group of input weights for an N:M pattern, and the others as skipped."""
    pattern = parse(config.pattern)
    if not isinstance(pattern, NOfM):
        return found, []
    short = {target: min(model.weights[position].shape[-2] for position in target.positions) for target in found}
    skipped = [
        LayerChange(
            layer=target.layer,
            kind=target.kind,
            action="skipped",
            detail=f"{inputs} input channels are fewer than the {pattern.group} of {config.pattern}",
            weights=sum(prod(model.weights[position].shape) for position in target.positions),
        )
        for target, inputs in short.items()
        if inputs < pattern.group
    ]
    left = [target for target, inputs in short.items() if inputs >= pattern.group]
    if not left:
        raise UnsupportedError(f"no kernel has {pattern.group} input channels for `pattern` {config.pattern}")
    return left, skipped


def _mask(model: keras.Model, positions: list[int], config: PruneConfig) -> None:
    """Set weights to zero, kernel by kernel where each is ranked alone: copies of all take memory."""
    together = [positions] if config.scope == "global" else [[position] for position in positions]
    for group in together:
        kernels = [model.weights[position].numpy() for position in group]
        kept = masks(kernels, config.sparsity, config.scope, parse(config.pattern))
        for position, kernel, mask in zip(group, kernels, kept, strict=True):
            kernel *= mask
            model.weights[position].assign(kernel)


def _repaired(artifact: KerasArtifact, pruned: keras.Model, context: Context) -> Repair:
    """Repair a model whose weights were set to zero, if its graph is known."""
    if not is_graph(pruned):
        return Repair({}, 0.0, ("not repaired: its graph is not known, so that nobody sees what a layer is fed",))
    assert context.data is not None
    assert context.evaluator is not None
    return repair_on_train(artifact.fresh_model(), pruned, None, context.data, context.evaluator, context.progress)


def _change(target: Target, model: keras.Model, repaired: Repaired | None) -> LayerChange:
    kernels = np.concatenate([model.weights[position].numpy().ravel() for position in target.positions])
    reached = sparsity(kernels)
    return LayerChange(
        layer=target.layer,
        kind=target.kind,
        action="pruned",
        detail=f"{np.count_nonzero(kernels):,} of {kernels.size:,} weights left"
        + (f"; {repaired.told}" if repaired else ""),
        weights=kernels.size,
        sparsity=reached,
    )


def _remarks(changes: list[LayerChange], config: PruneConfig) -> list[str]:
    remarks = [
        f"{change.layer} keeps {1 - change.sparsity:.1%} of its weights; `scope` layer or `exclude` would spare it"
        for change in changes
        if config.scope == "global"
        and change.sparsity is not None
        and change.sparsity > 0.98
        and config.sparsity < 0.98
    ]
    total = sum(change.weights for change in changes)
    zeros = sum(change.weights * (change.sparsity or 0) for change in changes) / total
    if zeros > config.sparsity + 0.01:
        remarks.append(
            f"sparsity is {zeros:.2f} instead of {config.sparsity:g}: the model had more zeros already, and they stay"
        )
    return remarks
