"""The same pruning by TensorFlow Model Optimization: in tf_keras, with its wrappers, stripped again afterwards."""

import keras
import tf_keras

from tfopt.data.dataset import Dataset
from tfopt.errors import UnsupportedError
from tfopt.formats.legacy.model_optimization import tfmot
from tfopt.formats.legacy.to_tf_keras import TfKerasCopy, to_tf_keras, with_trained_weights
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.kernel_selection import Target
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.masks import UPDATES
from tfopt.techniques.pruning.patterns import Block, parse
from tfopt.training.fit_tf_keras import fit_tf_keras
from tfopt.training.plan import FitPlan
from tfopt.training.teacher import Teacher
from tfopt.typing import Options

PRUNABLE = (
    tf_keras.layers.Dense,
    tf_keras.layers.Conv1D,
    tf_keras.layers.Conv2D,
    tf_keras.layers.Conv3D,
    tf_keras.layers.Conv2DTranspose,
    tf_keras.layers.Conv3DTranspose,
    tf_keras.layers.Embedding,
)


def fine_tuned(
    model: keras.Model,
    fresh: keras.Model,
    found: list[Target],
    config: PruneConfig,
    data: Dataset,
    plan: FitPlan,
    ramp: int,
    progress: Progress,
    teacher: Teacher | None,
) -> tuple[keras.Model, list[Target], list[LayerChange], list[dict[str, float]]]:
    """Prune what TFMOT can of `found`; return `fresh` with the weights, these layers, the others and the history."""
    rebuilt = to_tf_keras(model, model.name)
    pruned, refused = _split(model, rebuilt, found)
    options = _options(config, ramp)
    layers = dict(named_layers(model))
    names = {rebuilt.twin(layers[target.layer])[-1].name for target in pruned}

    def wrapped(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        return tfmot.sparsity.keras.prune_low_magnitude(layer, **options) if layer.name in names else layer

    wrapper = tf_keras.models.clone_model(rebuilt.model, clone_function=wrapped)
    update = tfmot.sparsity.keras.UpdatePruningStep()
    result = fit_tf_keras(wrapper, model, data, plan, progress, callbacks=[update], teacher=teacher)
    return with_trained_weights(fresh, model, rebuilt.variables), pruned, refused, result.history


def split(model: keras.Model, title: str, found: list[Target]) -> tuple[list[Target], list[LayerChange]]:
    """Split targets into those that TFMOT can prune and the others, which are skipped."""
    return _split(model, to_tf_keras(model, title), found)


def _split(model: keras.Model, rebuilt: TfKerasCopy, found: list[Target]) -> tuple[list[Target], list[LayerChange]]:
    layers = dict(named_layers(model))
    pruned, refused = [], []
    for target in found:
        chain = rebuilt.twin(layers[target.layer])
        if chain and isinstance(chain[-1], PRUNABLE):
            pruned.append(target)
        else:
            reason = f"TensorFlow Model Optimization does not prune {target.kind}; the default engine does"
            count = sum(weight.numpy().size for weight in layers[target.layer].weights)
            refused.append(
                LayerChange(layer=target.layer, kind=target.kind, action="skipped", detail=reason, weights=count)
            )
    if not pruned:
        raise UnsupportedError("TensorFlow Model Optimization can prune no layer here; leave out `engine` tfmot")
    return pruned, refused


def _options(config: PruneConfig, ramp: int) -> Options:
    """The arguments of `prune_low_magnitude`."""
    schedules = tfmot.sparsity.keras
    frequency = max(1, ramp // UPDATES)
    if config.schedule == "cubic" and ramp:
        schedule = schedules.PolynomialDecay(0.0, config.sparsity, 0, ramp, power=3, frequency=frequency)
    else:
        schedule = schedules.ConstantSparsity(config.sparsity, begin_step=0, end_step=1, frequency=1)
    pattern = parse(config.pattern)
    if isinstance(pattern, Block):
        return {"pruning_schedule": schedule, "block_size": tuple(pattern)}
    return {"pruning_schedule": schedule, "sparsity_m_by_n": tuple(pattern)}
