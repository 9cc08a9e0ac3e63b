"""One way to train: every technique that learns calls `fit`, so seeds, batches, selection and progress are the same."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import replicated_model, synchronize_batch_norm
from tfopt.distribution.sharding import distribute_batches
from tfopt.errors import InputError
from tfopt.evaluation.losses import label_encoder, loss_of, metric_of, saved_metrics, smoothed, soft_loss
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import outputs_of
from tfopt.runtime.progress import Advance, Progress
from tfopt.training.augmentation import make_augmentation
from tfopt.training.batches import evaluation_batches, steps_per_epoch, training_batches
from tfopt.training.best_epoch import BestEpoch
from tfopt.training.checkpoint import NOT_STARTED, Checkpoint, Position
from tfopt.training.class_weights import balanced_sample_weights
from tfopt.training.optimizers import Plateau
from tfopt.training.penalties import kernel_penalties
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import EpochSeeds
from tfopt.training.teacher import Teacher, blended_targets
from tfopt.typing import Array, Json, Logs

TRAINING_TASK = "training"


@dataclass(frozen=True)
class RunFiles:
    """Files of a run: where its checkpoint goes, what was asked for (to resume only the same), and TensorBoard's.

    A checkpoint is written after each epoch, and after every `steps` steps.
    """

    checkpoint: Path
    run: Json
    resume: bool = False
    steps: int | None = None
    tensorboard: Path | None = None

    def part(self, name: str) -> "RunFiles":
        """Files of an earlier part of the same run."""
        return replace(self, checkpoint=self.checkpoint.with_name(f"{self.checkpoint.name}-{name}"), tensorboard=None)

    @property
    def folders(self) -> list[Path]:
        """All checkpoints of the run."""
        return [self.checkpoint, self.part("head").checkpoint]


@dataclass(frozen=True)
class FitResult:
    """Loss and accuracy of each epoch, the epoch whose weights the model has now, where it was resumed, all steps."""

    history: list[dict[str, float]]
    best_epoch: int
    resumed_at: Position
    steps: int


def fit(
    model: keras.Model,
    data: Dataset,
    plan: FitPlan,
    progress: Progress,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    files: RunFiles | None = None,
    teacher: Teacher | None = None,
    learner: keras.Model | None = None,
) -> FitResult:
    """Train `model` in place with Adam on the train split; leave it compiled, with the weights of its best epoch.

    It is trained on the replicas of the strategy in whose scope it was made, and in whose scope this is called.

    With a `teacher` it learns from the teacher's answers as well as from the labels.
    A `learner` is a model around it that is trained in its place, and whose `get_weights` are those of `model`.
    Raises `InputError` if the loss is not a number, or if the files of another run are in the way.
    """
    if plan.class_weights and data.task != "classification":
        raise InputError(f"--class-weights is for classification; {data.config.source} is for {data.task}")
    soft = teacher is not None or plan.soft
    loss = soft_loss(loss_of(model, data.task)) if soft else loss_of(model, data.task)
    encode = label_encoder(loss, outputs_of(model)[0].shape[-1], data.task)
    targets = blended_targets(teacher, data, encode) if teacher else encode(data.train.y)
    targets = smoothed(targets, plan.label_smoothing, data.task)
    metric = metric_of(data.task, soft_binary=soft and targets.shape[1:] == (1,))
    learner = replicated_model(model if learner is None else learner)
    learner.compile(optimizer=plan.optimizer(data), loss=loss, metrics=[metric], jit_compile=plan.jitted())
    monitor = monitor_epochs(plan)
    seeds = EpochSeeds(plan.seed)
    every = [seeds, *callbacks, *monitor.callbacks]
    every.extend([Plateau(plan.learning_rate, monitor.history)] if plan.decay == "plateau" else [])
    every.extend(_tensorboard_callbacks(files.tensorboard) if files else [])
    with contextlib.ExitStack() as stack:
        first = NOT_STARTED
        if files:
            checkpoint = Checkpoint(files.checkpoint, files.run, monitor.best, monitor.history, seeds, files.steps)
            stack.enter_context(checkpoint.locked())
            first = _resume_or_clear(checkpoint, learner, files.resume)
            every.append(checkpoint)
        stack.enter_context(kernel_penalties(model, plan.l1, plan.l2))
        stack.enter_context(synchronize_batch_norm([layer for _, layer in named_layers(model)]))
        if first.epoch < plan.epochs and not _stopped_early(monitor.best, first.epoch):
            run_epochs(learner, data, plan, progress, every, targets=targets, encode=encode, first=first)
        if files and monitor.diverged:
            checkpoint.clear()
        result = monitor.finish(model, plan, int(learner.optimizer.iterations.numpy()), first)
    # What is saved with the model loads without tfopt, and says nothing of this training's schedule.
    model.compile(
        optimizer=keras.optimizers.Adam(plan.learning_rate, name="adam"), loss=loss, metrics=saved_metrics(data.task)
    )
    return result


@dataclass(frozen=True)
class EpochMonitor:
    """The callbacks that select the best epoch and keep the history, for a model of either Keras."""

    best: BestEpoch
    history: list[dict[str, float]]

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What watches the training."""
        return [self.best, HistoryRecorder(self.history)]

    @property
    def diverged(self) -> bool:
        """Whether no epoch had a validation loss that is a number."""
        return self.best.epoch is None or self.best.loss == float("inf")

    def finish(self, model: keras.Model, plan: FitPlan, steps: int, resumed_at: Position = NOT_STARTED) -> FitResult:
        """Give `model` the best weights; raise `InputError` if there are none."""
        if self.diverged or self.best.epoch is None:
            raise InputError(
                "training diverged: the validation loss is not a number;"
                f" try a smaller learning rate than {plan.learning_rate:g}"
            )
        model.set_weights(self.best.weights)
        return FitResult(self.history, self.best.epoch, resumed_at, steps)


def monitor_epochs(plan: FitPlan) -> EpochMonitor:
    """Watch a training that follows `plan`."""
    return EpochMonitor(BestEpoch(plan.select_from, plan.patience), [])


def run_epochs(
    model: keras.Model,
    data: Dataset,
    plan: FitPlan,
    progress: Progress,
    callbacks: Sequence[keras.callbacks.Callback],
    *,
    targets: Array,
    encode: Callable[[Array], Array],
    first: Position = NOT_STARTED,
    adapt: Callable[[keras.callbacks.Callback], keras.callbacks.Callback] = lambda callback: callback,
) -> None:
    """Call `fit` of a compiled model of either Keras on the `targets` of the train split.

    `encode` makes such targets of labels, and `adapt` makes a callback of ours one of that Keras.
    """
    steps = plan.steps(data)
    train, validation = data.train, data.validation
    one = tf.distribute.get_strategy().num_replicas_in_sync == 1
    augment = make_augmentation(plan.augment, data.kind, train.inputs[0])
    weights = balanced_sample_weights(train.y) if plan.class_weights else None
    with progress.task(TRAINING_TASK, plan.epochs * steps) as advance:
        advance(first.epoch * steps + first.step)
        bar = adapt(ProgressBar(advance, plan.epochs))

        def go_on(start: Position, end: int) -> None:
            model.fit(
                distribute_batches(
                    lambda shard: training_batches(
                        train.inputs,
                        targets,
                        batch_size=plan.batch_size,
                        seed=plan.seed,
                        first_epoch=start.epoch,
                        first_step=start.step,
                        epochs=end,
                        shard=shard,
                        augment=augment,
                        weights=weights,
                    )
                ),
                validation_data=distribute_batches(
                    lambda shard: evaluation_batches(
                        validation.inputs, encode(validation.y), batch_size=plan.batch_size, shard=shard
                    )
                ),
                # Known on one device, where to stop before the end would empty the cache.
                validation_steps=None if one else steps_per_epoch(len(validation), plan.batch_size),
                steps_per_epoch=steps - start.step,
                initial_epoch=start.epoch,
                epochs=end,
                callbacks=[*callbacks, bar],
                shuffle=False,
                verbose=0,
            )

        if first.step:  # the rest of an epoch is an epoch of fewer steps
            go_on(first, first.epoch + 1)
            first = Position(first.epoch + 1)
        if first.epoch < plan.epochs and not model.stop_training:
            go_on(first, plan.epochs)


def _resume_or_clear(checkpoint: Checkpoint, model: keras.Model, resume: bool) -> Position:
    if resume:
        return checkpoint.resume(model)
    checkpoint.clear()
    return NOT_STARTED


def _stopped_early(best: BestEpoch, next_epoch: int) -> bool:
    """Whether a resumed run had already stopped early."""
    return best.patience is not None and best.epoch is not None and next_epoch - 1 - best.epoch >= best.patience


def _tensorboard_callbacks(folder: Path | None) -> list[keras.callbacks.Callback]:
    if folder is None:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--tensorboard {folder} cannot be a folder of logs: {error.strerror}") from error
    try:
        import tensorboard  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
    except ImportError:
        raise InputError("--tensorboard needs the tensorboard package: pip install 'tfopt[tensorboard]'") from None
    return [keras.callbacks.TensorBoard(folder)]


class HistoryRecorder(keras.callbacks.Callback):
    """Appends the logs of each epoch to a list that the checkpoint saves."""

    def __init__(self, history: list[dict[str, float]]) -> None:
        super().__init__()
        self.history = history

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Take the logs as plain floats."""
        self.history.append({name: float(value) for name, value in (logs or {}).items()})


class ProgressBar(keras.callbacks.Callback):
    """Moves a progress task by one each step and shows loss and accuracy."""

    def __init__(self, advance: Advance, epochs: int) -> None:
        super().__init__()
        self.advance = advance
        self.epochs = epochs
        self.epoch = 0
        self.validation = ""
        self.shown = ""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Remember which epoch it is."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Move on by one step."""
        logs = logs or {}
        measures = " ".join(f"{name} {logs[name]:.3f}" for name in ("loss", "accuracy", "mae") if name in logs)
        self.shown = f"epoch {self.epoch}/{self.epochs} {measures}{self.validation}"
        self.advance(1, self.shown)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Show that it goes on."""
        self.advance(0, self.shown)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Show the validation accuracy or error until the next epoch ends."""
        logs = logs or {}
        self.validation = f", validation {logs.get('val_accuracy', logs.get('val_mae', float('nan'))):.3f}"
