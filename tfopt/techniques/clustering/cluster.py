"""Weight clustering of a Keras model: the same architecture comes back, its kernels made of few distinct values."""

from math import prod

import keras
import numpy as np

from tfopt.core.context import Context
from tfopt.core.outcome import Outcome, Training
from tfopt.distribution.strategies import make_strategy
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import find_foldable, fold_batch_norms
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import compile_like
from tfopt.graph.replay import is_graph
from tfopt.report.schema import LayerChange
from tfopt.techniques.clustering.centroids import clustered
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.techniques.kernel_selection import Target, targets
from tfopt.techniques.pruning.magnitude import sparsity
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.projections import Preserved, preserving_projection
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import load_teacher
from tfopt.typing import Array

PATIENCE = 5


def cluster_weights(artifact: KerasArtifact, config: ClusterConfig, context: Context) -> Outcome:
    """Cluster a copy of the model; with data the centroids are trained, without the weights are only replaced.

    With `config.fold` the copy has no normalizations that can be folded into kernels. Zeros that are there already stay
    zero and are one of the clusters, unless `config.keep_sparsity` is false.
    """
    data, progress = context.data, context.progress
    teacher = load_teacher(config, artifact, data)
    source, folded = _folded(artifact) if config.fold else (artifact, [])
    where = make_strategy(config)
    with where.scope():
        model = source.fresh_model()
    found, skipped = targets(model, config.exclude, artifact.name)
    found, small = large_enough(model, found, config)
    weights = [model.weights[position] for target in found for position in target.positions]
    with progress.task("clustering", len(weights)) as advance:
        for weight in weights:
            kernel = clustered(
                weight.numpy(),
                config.clusters,
                config.init,
                config.seed,
                per_channel=config.per == "channel",
                keep=config.keep_sparsity,
            )
            assign_shared(weight, kernel, sparsity=config.keep_sparsity)
            advance(1)
    notes = [
        "files shrink when compressed: shared values are stored like other numbers, and no time is saved by them;"
        " `tfopt pack` stores tables for TensorFlow Lite Micro, and what Vela packs for Ethos-U"
    ]
    if config.per == "layer" and is_graph(model) and (split := find_foldable(model)):
        notes.append(
            f"{len(split)} normalizations become factors of each channel of the kernels before them in a .tflite file,"
            " which share nothing as a whole there then: `fold` folds them first"
        )
    history: list[dict[str, float]] = []
    training = None
    if data is None:
        notes.append("clustered without training: there is no data to fine-tune with")
    else:
        seed_everything(config.seed)
        plan = FitPlan(
            config.epochs,
            config.batch_size,
            config.rate,
            config.seed,
            PATIENCE,
            tied=True,
            relative=config.fold,
            metric=config.metric,
        )
        with where.scope():
            history = fit(model, data, plan, progress, teacher=teacher).history
        training = Training([plan.lasting(len(history))], teacher)
        notes += [teacher.note] if teacher else []
    result = source.fresh_model()
    result.set_weights(model.get_weights())
    changes = [*(_change(target, result, config) for target in found), *skipped, *small, *folded]
    made = KerasArtifact.from_model(result, artifact.name)
    return Outcome(made, layers=changes, notes=notes, history=history, training=training)


def _folded(artifact: KerasArtifact) -> tuple[KerasArtifact, list[LayerChange]]:
    """Return the model without the normalizations that can be folded into the kernels before them, and name these."""
    if is_graph(artifact.model) and not find_foldable(artifact.model):
        return artifact, []
    model, pairs = fold_batch_norms(artifact.model, artifact.name)
    layers = dict(named_layers(artifact.model))
    changes = [
        LayerChange(
            layer=name,
            kind=type(layers[name]).__name__,
            action="folded",
            detail=f"into {into}",
            weights=sum(prod(weight.shape) for weight in layers[name].weights),
        )
        for name, into in pairs.items()
    ]
    return KerasArtifact.from_model(compile_like(artifact.model, model), artifact.name), changes


def large_enough(
    model: keras.Model, found: list[Target], config: ClusterConfig
) -> tuple[list[Target], list[LayerChange]]:
    """Those targets that have two weights for each cluster, and the others as skipped."""
    large, small = [], []
    for target in found:
        least = min(_size(model.weights[position], config) for position in target.positions)
        if least >= 2 * config.clusters:
            large.append(target)
        else:
            where = " in each output channel" if config.per == "channel" else ""
            detail = f"{least} weights{where} are too few for {config.clusters} clusters"
            count = sum(prod(model.weights[position].shape) for position in target.positions)
            small.append(
                LayerChange(layer=target.layer, kind=target.kind, action="skipped", detail=detail, weights=count)
            )
    if not large:
        raise InputError(f"`clusters` {config.clusters} is too many: no {_whole(config)} has twice as many weights")
    return large, small


def _whole(config: ClusterConfig) -> str:
    return "output channel" if config.per == "channel" else "kernel"


def _size(weight: keras.Variable, config: ClusterConfig) -> int:
    return prod(weight.shape[:-1] if config.per == "channel" else weight.shape)


def _change(target: Target, model: keras.Model, config: ClusterConfig) -> LayerChange:
    kernels = [model.weights[position].numpy() for position in target.positions]
    if config.per == "channel":
        most = max(len(np.unique(column)) for kernel in kernels for column in kernel.reshape(-1, kernel.shape[-1]).T)
        detail = f"at most {most} distinct values in an output channel"
    else:
        most = max(len(np.unique(kernel)) for kernel in kernels)
        detail = f"{most} distinct values" if len(kernels) == 1 else f"at most {most} distinct values in a kernel"
    together = np.concatenate([kernel.ravel() for kernel in kernels])
    return LayerChange(
        layer=target.layer,
        kind=target.kind,
        action="clustered",
        detail=detail,
        weights=together.size,
        sparsity=sparsity(together) or None,
        distinct=most,
    )


def assign_shared(weight: keras.Variable, kernel: Array, *, sparsity: bool) -> None:
    """Give `weight` the clustered `kernel`, and see to it that it stays clustered."""
    weight.assign(kernel)
    projection = preserving_projection(kernel, sparsity=sparsity, clusters=True) if np.ptp(kernel) else None
    if projection:
        weight.constraint = Preserved(projection, weight.constraint)
