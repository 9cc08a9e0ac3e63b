"""The engine of TensorFlow Model Optimization: the model is rebuilt in tf_keras, trained there, and converted there."""

from collections.abc import Iterator, Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from tfopt.conversion.convert import batch_notes, convert, convert_trained, has_recurrent
from tfopt.core.outcome import Training
from tfopt.data.dataset import Dataset
from tfopt.distribution.strategies import MIRRORED, make_strategy
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.legacy.to_tf_keras import to_tf_keras, with_trained_weights
from tfopt.graph.layer_names import named_layers
from tfopt.report.inspection import Verdict
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Advance, Progress
from tfopt.techniques.qat import tfmot
from tfopt.techniques.qat.config import MOST_BITS, QatConfig
from tfopt.techniques.qat.made import Made
from tfopt.techniques.qat.training import taught_by
from tfopt.techniques.quantization.layer_changes import layer_changes
from tfopt.training.fit_tf_keras import BY_LOSS, fit_tf_keras
from tfopt.training.plan import FitPlan
from tfopt.training.projections import Projection, cluster_assignment, preserving_projection
from tfopt.typing import Array, Tensor

PATIENCE = 3
CALIBRATION_BATCH = 32


def make(artifact: KerasArtifact, config: QatConfig, data: Dataset, progress: Progress) -> Made:
    """Train a copy of a model in tf_keras and let the converter write it as a file of integers."""
    teacher = taught_by(config, artifact, data)
    model = artifact.fresh_model()
    with progress.task("rebuilding in tf_keras", None):
        aware = _aware(model, artifact, config)
    samples = data.calibration
    batches = [samples.rows(slice(i, i + CALIBRATION_BATCH)).inputs for i in range(0, len(samples), CALIBRATION_BATCH)]
    with progress.task("calibrating", len(batches)) as advance:
        tfmot.calibrate(aware.model, _counted(batches, advance))
    where = make_strategy(config)
    learner = aware
    if isinstance(where, MIRRORED):  # what is calibrated and exported is not mirrored
        with where.scope():
            learner = _aware(model, artifact, config)
            learner.model.set_weights(aware.model.get_weights())
    projections, notes = _projections(model, learner, config)
    plan = FitPlan(config.most_epochs, config.batch_size, config.rate, config.seed, PATIENCE)
    with where.scope():
        result = fit_tf_keras(learner.model, model, data, plan, progress, projections=projections, teacher=teacher)
    aware.model.set_weights(learner.model.get_weights())
    notes += [teacher.note] if teacher else []
    # With 8 bits the kernels that were trained answer as the file does, and shared weights are shared.
    variables = aware.rounded_variables if config.weight_bits < MOST_BITS else aware.variables
    trained = with_trained_weights(artifact.fresh_model(), model, variables)
    batch = config.fixed_batch or (1 if has_recurrent(artifact.model) else None)
    export = partial(tfmot.export, aware.model, batch, config.length)
    quantized = convert_trained(export, artifact.name, config.io, progress)
    quantized.probabilities = artifact.gives_probabilities()
    if set(quantized.input_names) == set(artifact.input_names):
        quantized.order = artifact.input_names
    notes.insert(0, f"trained for {len(result.history)} epochs, the weights are those of epoch {result.best_epoch + 1}")
    notes += [BY_LOSS] if config.metric else []
    return Made(
        KerasArtifact.from_model(trained, artifact.name),
        quantized,
        convert(artifact, progress, config),
        _changes(model, quantized.payload, aware),
        [*notes, *batch_notes(batch)],
        result.history,
        Training([plan.lasting(len(result.history))], teacher),
    )


def _aware(model: keras.Model, artifact: KerasArtifact, config: QatConfig) -> tfmot.QuantizationAware:
    rebuilt = to_tf_keras(model, artifact.name, partial(tfmot.unsupported, bits=config.weight_bits))
    return tfmot.quantization_aware(rebuilt, config.weight_bits)


def _counted(batches: Sequence[Sequence[Array]], advance: Advance) -> Iterator[Tensor]:
    for batch in batches:
        yield batch if len(batch) > 1 else batch[0]
        advance(1)


def _projections(
    model: keras.Model, aware: tfmot.QuantizationAware, config: QatConfig
) -> tuple[list[tuple[tf.Variable, Projection]], list[str]]:
    """Return what keeps zeros and shared weights during training, and a note on what there was to keep."""
    found = []
    sparse = shared = 0
    for _, layer in named_layers(model):
        for weight, variable in zip(layer.weights, aware.variables(layer), strict=True):
            kernel = weight.numpy()
            if kernel.ndim < 2 or not weight.trainable:
                continue
            projection = preserving_projection(kernel, sparsity=config.keep_sparsity, clusters=config.keep_clusters)
            if projection:
                found.append((variable, projection))
                sparse += config.keep_sparsity and not np.all(kernel)
                shared += config.keep_clusters and cluster_assignment(kernel) is not None
    notes = [f"kept the zeros of {sparse} kernels"] if sparse else []
    notes += [f"kept the shared weights of {shared} kernels"] if shared else []
    return found, notes


def _changes(model: keras.Model, payload: bytes, aware: tfmot.QuantizationAware) -> list[LayerChange]:
    changes = layer_changes(model, payload, aware.scopes())
    return [
        change.model_copy(update={"action": "skipped", "detail": aware.left_float[change.layer]})
        if change.layer in aware.left_float
        else change
        for change in changes
    ]


def planned_layers(artifact: KerasArtifact, config: QatConfig) -> dict[str, Verdict]:
    """Say which layers are trained with simulated integers, and why the others stay in float."""
    rebuilt = to_tf_keras(artifact.model, artifact.name, partial(tfmot.unsupported, bits=config.weight_bits))
    left_float = tfmot.coverage(rebuilt, config.weight_bits).left_float
    doubt = ", or left in float32 where what feeds it is: only the conversion shows" if left_float else ""
    covered = Verdict(can=True, detail=f"trained with simulated integers{doubt}")
    return {
        name: Verdict(can=False, detail=left_float[name]) if name in left_float else covered
        for name, layer in named_layers(artifact.model)
        if layer.weights
    }
