"""Training of a new model, from an architecture and a data set, or from another model."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import keras
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import single_device_copy
from tfopt.distribution.strategies import MIRRORED, make_strategy, replica_devices
from tfopt.errors import UnsupportedError
from tfopt.models.applications import PREFIX, application
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.report.schema import Report
from tfopt.runtime.progress import Progress
from tfopt.tasks.compatibility import ModelPorts, match
from tfopt.training.advice import advice
from tfopt.training.checkpoint import NOT_STARTED, RunFiles
from tfopt.training.config import TrainConfig
from tfopt.training.fit import FitResult, fit
from tfopt.training.head_replacement import with_new_head
from tfopt.training.linear_start import KEPT, keep_better, start_from_linear_forecast
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import seed_everything
from tfopt.training.transfer import transfer


@dataclass(frozen=True)
class TrainingResult:
    """A trained model, and how its training went.

    Attributes:
        model: The model, on one device and in float32.
        result: The history of its training.
        replicas: The device of each replica.
        notes: What is to be said in the report.
        start_error: The mean absolute error on the validation split of what the model started from, if it is that.
    """

    model: keras.Model
    result: FitResult
    replicas: list[str]
    notes: list[str]
    start_error: float | None = None


def train(
    config: TrainConfig,
    data: Dataset,
    progress: Progress,
    files: RunFiles | None = None,
    base: Callable[[], keras.Model] | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    where: tf.distribute.Strategy | None = None,
) -> TrainingResult:
    """Build and train a model on the train split, selected on the validation split.

    Args:
        config: What to build and how to train it.
        data: The data set.
        progress: Is told of each step.
        files: Where the state of the run is saved, and resumed from.
        base: Makes the model to start from, if `config` names a file.
        callbacks: Further callbacks of Keras.
        where: The strategy to train under, if it is not the one that `config` asks for.

    Returns:
        The trained model and its history.

    Raises:
        InputError: The architecture does not suit the data, or the training diverged.
        UnsupportedError: The model to start from cannot get a new head.
    """
    seed_everything(config.seed, deterministic=not config.jit)
    where = where or make_strategy(config)
    if files:  # a run on data that have changed is another run, and so is one with another learning rate
        rate = {"replicas": where.num_replicas_in_sync} if config.scale_lr else {}
        files = replace(files, run={**files.run, "fingerprint": data.fingerprint, **rate})
    if config.base:
        return _train_from_base(config, data, progress, files, base, where)
    with where.scope():
        with _layer_precision(config):
            model = build(config, Signature.of(data))
        start = start_from_linear_forecast(model, data)
        result = fit(model, data, FitPlan.of(config, len(data.train)), progress, files=files, callbacks=callbacks)
        replicas = replica_devices(where, model)
    if config.mixed_precision:
        model = _in_float32(model, config, data)
    elif isinstance(where, MIRRORED):
        model = single_device_copy(model)
    kept = keep_better(model, start, data) if start else None
    return TrainingResult(model, result, replicas, [] if kept is None else [KEPT], kept)


def _train_from_base(
    config: TrainConfig,
    data: Dataset,
    progress: Progress,
    files: RunFiles | None,
    base: Callable[[], keras.Model] | None,
    where: tf.distribute.Strategy,
) -> TrainingResult:
    assert config.base is not None
    if data.outputs or data.task in ("compiled", "translation"):
        what = f"labels for {len(data.outputs)} outputs" if data.outputs else "labels that only its own loss judges"
        instead = "train it with Keras, and bring the model"
        if data.task == "translation":
            what, instead = "texts to translate", "leave it out, and a new model learns them"
        raise UnsupportedError(
            f"`base` takes off the head of {config.base} and adds one with a usual output and loss, but"
            f" {data.config.source} has {what}: {instead}"
        )
    signature = Signature.of(data)
    with where.scope():
        if base is None:
            name = config.base.removeprefix(PREFIX)
            source = application(name, config.base_weights, signature.shape, data.scaling)
        else:
            source = base()
        before = set(source.layers)
        model = with_new_head(source, signature, config.base)
        data = match(data, config.base, ModelPorts([model.input_shape], [model.output_shape]))
        head = [layer for layer in model.layers if layer not in before]
        made = transfer(model, head, config, data, progress, files)
    devices = replica_devices(where, model)
    return TrainingResult(
        single_device_copy(model) if isinstance(where, MIRRORED) else model, made.result, devices, made.notes
    )


@contextlib.contextmanager
def _layer_precision(config: TrainConfig) -> Iterator[None]:
    """Let layers that are made here compute in bfloat16, with weights in float32, if that is asked for."""
    before = keras.config.dtype_policy()
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _in_float32(model: keras.Model, config: TrainConfig, data: Dataset) -> keras.Model:
    """Return the same model and weights, computing in float32 as everything after training does."""
    plain = build(config, Signature.of(data))
    plain.set_weights(model.get_weights())
    plain.compile(**keras.saving.deserialize_keras_object(model.get_compile_config()))
    return plain


def summary_of(trained: TrainingResult, config: TrainConfig, data: Dataset) -> list[str]:
    """Return what a report says of a training: epochs, the one that was selected, resumption and replicas."""
    result, replicas, plan = trained.result, len(trained.replicas), FitPlan.of(config, len(data.train))
    most = f"{plan.epochs}{' in each part' * bool(config.base)}"
    epoch = _epoch_kept(trained)
    whose = f"the weights are those of epoch {epoch}" if epoch else "the weights are those before the first"
    notes = [
        *trained.notes,
        f"{len(result.history)} epochs trained of at most {most}, {whose}",
    ]
    if result.resumed_at != NOT_STARTED:
        notes.append(f"resumed after {result.resumed_at}")
    if replicas > 1:
        samples = len(data.train)
        seen = result.steps // plan.steps(data) * samples
        scaled = f", at {replicas} times the learning rate" if config.scale_lr else ""
        notes.append(
            f"{replicas} replicas made {result.steps:,} steps on {seen:,} samples, in each epoch on all {samples:,}"
            f"{scaled}"
        )
    return notes


def completed(report: Report, trained: TrainingResult, data: Dataset) -> Report:
    """Return the report of a training with its epochs, its replicas, and advice if it came to nothing."""
    result = trained.result
    kept = _epoch_kept(trained)
    said = {"replicas": trained.replicas, "history": result.history, "best_epoch": kept}
    by_words = data.kind == "tokens" and data.vectorizer is not None and not data.vectorizer.characters
    said_of = advice(report, result.history, data.kind, by_words=by_words) if kept else []
    warnings = [*report.warnings, *said_of]
    return report.model_copy(update={**said, "warnings": warnings})


def _epoch_kept(trained: TrainingResult) -> int:
    """Return the epoch, counted from 1, whose weights the model has; 0 for those that it started from."""
    return 0 if trained.start_error is not None else trained.result.best_epoch + 1
