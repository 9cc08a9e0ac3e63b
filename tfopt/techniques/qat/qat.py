"""Quantization-aware training: the model learns with simulated integers, then becomes an int8 `.tflite`.

The Keras 3 model is rebuilt in tf_keras, where TensorFlow Model Optimization inserts the simulation; the trained
weights come back into a plain Keras 3 model of the same architecture.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from tfopt.conversion.convert import batch_notes, convert, convert_trained, for_inference, has_recurrent
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome, Training
from tfopt.distribution.strategies import MIRRORED, make_strategy
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.limits import Limit, limit_for
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.legacy.to_tf_keras import to_tf_keras, with_trained_weights
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.report.inspection import Verdict
from tfopt.report.schema import GateResult, LayerChange
from tfopt.runtime.progress import Advance
from tfopt.techniques.qat import tfmot
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.layer_changes import layer_changes
from tfopt.techniques.quantization.post_training import hold_to_integers
from tfopt.training.fit_tf_keras import fit_tf_keras
from tfopt.training.plan import FitPlan
from tfopt.training.projections import Projection, cluster_assignment, preserving_projection
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import load_teacher
from tfopt.typing import Array, Tensor

PATIENCE = 3
CALIBRATION_BATCH = 32


def quantize_aware(artifact: KerasArtifact, config: QatConfig, context: Context) -> Outcome:
    """Train a copy of the model for int8; zeros and shared weights stay unless `config` says otherwise.

    Raises `InputError` without data, `UnsupportedError` if the model cannot be rebuilt or nothing can be quantized.
    """
    data, progress = context.data, context.progress
    if data is None:
        raise nothing_to_train_on(artifact.name)
    limit = limit_for(config, context.task)
    teacher = load_teacher(config, artifact, data)
    original, (artifact, said) = artifact, for_inference(artifact)
    seed_everything(config.seed)
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
    plan = FitPlan(config.epochs, config.batch_size, config.learning_rate, config.seed, PATIENCE)
    with where.scope():
        result = fit_tf_keras(learner.model, model, data, plan, progress, projections=projections, teacher=teacher)
    aware.model.set_weights(learner.model.get_weights())
    notes += [*said, *([teacher.note] if teacher else [])]
    trained = with_trained_weights(artifact.fresh_model(), model, aware.variables)
    batch = config.fixed_batch or (1 if has_recurrent(artifact.model) else None)
    export = partial(tfmot.export, aware.model, batch, config.length)
    quantized = convert_trained(export, artifact.name, config.io, progress)
    quantized.probabilities = artifact.gives_probabilities()
    if set(quantized.input_names) == set(artifact.input_names):
        quantized.order = artifact.input_names
    before = convert(artifact, progress, config)
    notes.insert(0, f"trained for {len(result.history)} epochs, the weights are those of epoch {result.best_epoch + 1}")
    after = KerasArtifact.from_model(trained, artifact.name)
    gate, remarks = _held(artifact, after, quantized, limit, context.evaluator)
    integer, told = hold_to_integers(quantized, full=config.full_integer)
    notes += [*remarks, told, *batch_notes(batch)]
    return Outcome(
        quantized,
        companions=(after,),
        measured=(original, after, before.artifact, quantized),
        layers=_changes(model, quantized.payload, aware),
        notes=notes,
        history=result.history,
        training=Training([plan.lasting(len(result.history))], teacher),
        gates=[gate, *integer],
    )


def nothing_to_train_on(name: str) -> InputError:
    """Return what is said where there are no data."""
    return InputError(
        f"`qat` trains, and {name} does not say which data it was trained on: give `data` NAME or `data` FILE.npz, or"
        " use `precision` dynamic or float16, which need none"
    )


def _held(
    original: KerasArtifact,
    trained: KerasArtifact,
    file: TfliteArtifact,
    limit: Limit | None,
    evaluator: Evaluator | None,
) -> tuple[GateResult, list[str]]:
    """Hold the file to a limit on the validation split, and say if it is worse than the model that was trained."""
    assert evaluator is not None
    assert limit is not None
    before, learnt, found = (evaluator.judge(one) for one in (original, trained, file))
    notes = [limit.held_on(len(evaluator), evaluator.name)]
    if evaluator.drop(learnt, found) > evaluator.tolerance:
        notes.append(
            f"the file is worse than the model that was trained: {evaluator.described(found)} of {len(evaluator)}"
            f" samples of {evaluator.name} against {evaluator.described(learnt)}"
        )
    return limit.result(file.name, evaluator.worsening(before, found, limit.level), "validation"), notes


def _aware(model: keras.Model, artifact: KerasArtifact, config: QatConfig) -> tfmot.QuantizationAware:
    rebuilt = to_tf_keras(model, artifact.name, partial(tfmot.unsupported, bits=config.bits))
    return tfmot.quantization_aware(rebuilt, config.bits)


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
    rebuilt = to_tf_keras(artifact.model, artifact.name, partial(tfmot.unsupported, bits=config.bits))
    left_float = tfmot.coverage(rebuilt, config.bits).left_float
    doubt = ", or left in float32 where what feeds it is: only the conversion shows" if left_float else ""
    covered = Verdict(can=True, detail=f"trained with simulated integers{doubt}")
    return {
        name: Verdict(can=False, detail=left_float[name]) if name in left_float else covered
        for name, layer in named_layers(artifact.model)
        if layer.weights
    }
