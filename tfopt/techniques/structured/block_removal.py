"""Whole residual blocks leave, those first whose removal costs least: what passes by a block goes on without it.

Residual networks behave like ensembles of shallow ones and bear the loss of single blocks (Veit et al. 2016,
arXiv:1605.06431). What a block is worth is measured on the validation split.
"""

from collections.abc import Callable

import keras
import numpy as np

from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.errors import InputError, UnreachableError, UnsupportedError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import compile_like
from tfopt.graph.residual_blocks import Block, find_residual_blocks, remove_blocks
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.kernel_selection import excluded_by
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.fine_tuning import FineTuning
from tfopt.techniques.structured.targets import NAMES, Cost, cost_of
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import load_teacher


def prune_blocks(artifact: KerasArtifact, config: StructuredConfig, context: Context) -> Outcome:
    """Remove residual blocks from a copy of the model, one after the other, and fine-tune what is left.

    Raises `UnsupportedError` if it has none, `InputError` without data, `UnreachableError` if a target is out of reach.
    """
    data, evaluator, progress = context.data, context.evaluator, context.progress
    if data is None or evaluator is None:
        raise nothing_to_measure_on()
    teacher = load_teacher(config, artifact, data)
    seed_everything(config.seed)
    model = flat = remove_blocks(artifact.fresh_model(), [], artifact.name)
    cost = cost_of(config, artifact, progress) if config.target else None
    first = removable_blocks(model, config)
    if not first:
        why = (
            "all are excluded"
            if find_residual_blocks(model)
            else "no addition has an input that passes by other layers"
        )
        raise UnsupportedError(f"{artifact.name} has no residual block that can leave: {why}")
    fine_tuning = FineTuning(artifact.name, config, data, teacher)
    history: list[dict[str, float]] = []
    changes: list[LayerChange] = []
    tried: dict[str, float] = {}
    before = evaluator.loss(model)()
    for step in range(1, config.iterative + 1):
        enough = _enough(config, cost, len(first), step)
        while not enough(model, len(changes)):
            losses = _losses(model, config, artifact.name, evaluator, progress)
            if not losses:
                _out_of_reach(config, cost, model, len(changes))
                break
            tried = {**{block.name: loss for block, loss in losses.items()}, **tried}
            block = min(losses, key=lambda block: losses[block])
            changes.append(_change(model, block, f"the validation loss becomes {losses[block]:.4f}", before))
            before = losses[block]
            model = remove_blocks(model, [block], artifact.name)
            inside = {one.name for one in losses} - {block.name} - {one.name for one in find_residual_blocks(model)}
            changes += [_with(flat, one, block) for one in losses if one.name in inside]
        model, epochs = fine_tuning.run(model, step, progress)
        before = evaluator.loss(model)()
        history.extend(epochs)
    left = {change.layer for change in changes}
    done = len(changes)
    changes += [_kept(flat, block, tried) for block in first if block.name not in left]
    notes = [f"{done} of {len(first)} residual blocks have left, each time the one without which the loss was lowest"]
    if config.target and cost:
        notes += cost.reached(model, *config.target)
    notes += [teacher.note] if teacher else []
    compile_like(artifact.model, model)
    made = KerasArtifact.from_model(model, artifact.name)
    return Outcome(made, layers=changes, notes=notes, history=history, training=fine_tuning.training)


def nothing_to_measure_on() -> InputError:
    """Return what is said where there are no data."""
    return InputError("`structured` layers measures what each block is worth, and there is no data: give `data`")


def removable_blocks(model: keras.Model, config: StructuredConfig) -> list[Block]:
    """Return the blocks that may leave."""
    pattern = excluded_by(config.exclude)
    found = find_residual_blocks(model)
    return [block for block in found if not (pattern and any(map(pattern.search, (block.name, *block.layers))))]


def _enough(config: StructuredConfig, cost: Cost | None, total: int, step: int) -> Callable[[keras.Model, int], bool]:
    """Return whether a model is small enough after a step when so many blocks have left."""
    part = step / config.iterative
    if config.target is None or cost is None:
        count = round(config.share * total)
        if not count:
            raise InputError(f"`amount` {config.share:g} of {total} residual blocks is none")
        return lambda _, done: done >= round(count * part)
    _, share = config.target
    return lambda model, _: cost(model, share**part).share <= share**part


def _out_of_reach(config: StructuredConfig, cost: Cost | None, model: keras.Model, done: int) -> None:
    """Raise `UnreachableError` if there is a target: no block is left that could leave."""
    if config.target and cost:
        name, share = config.target
        raise UnreachableError(
            f"{NAMES[name]} cannot get to {share:g} of the original's: without all {done} blocks that can leave,"
            f" {cost(model, share).told} are left"
        )


def _losses(
    model: keras.Model, config: StructuredConfig, title: str, evaluator: Evaluator, progress: Progress
) -> dict[Block, float]:
    """The validation loss without each of the blocks that may leave."""
    found = removable_blocks(model, config)
    losses = {}
    with progress.task("trying without each block", len(found)) as advance:
        for block in found:
            losses[block] = float(np.nan_to_num(evaluator.loss(remove_blocks(model, [block], title))(), nan=np.inf))
            advance(1, f"{block.name}: loss {losses[block]:.3f}")
    return losses


def _change(model: keras.Model, block: Block, what: str, before: float) -> LayerChange:
    detail = f"{what} from {before:.4f} (before fine-tuning)"
    return LayerChange(layer=block.name, kind="block", action="removed", detail=detail, weights=_weights(model, block))


def _with(model: keras.Model, block: Block, outer: Block) -> LayerChange:
    detail = f"left with {outer.name}, which has it inside"
    return LayerChange(layer=block.name, kind="block", action="removed", detail=detail, weights=_weights(model, block))


def _kept(model: keras.Model, block: Block, tried: dict[str, float]) -> LayerChange:
    what = f"kept: without it alone the validation loss becomes {tried[block.name]:.4f}" if tried else "kept"
    return LayerChange(layer=block.name, kind="block", action="skipped", detail=what, weights=_weights(model, block))


def _weights(model: keras.Model, block: Block) -> int:
    names = set(block.layers)
    return sum(
        layer.count_params() for name, layer in named_layers(model) if name.replace("/", "_") in names or name in names
    )
