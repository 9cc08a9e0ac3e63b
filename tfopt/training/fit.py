"""Training with `fit`: every technique that learns calls it, so seeds, batches, selection and progress are the same."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import tensorflow as tf

from tfopt.data.dataset import Dataset
from tfopt.data.lazy_arrays import fetching, is_large
from tfopt.distribution.replicated import replicated_model, synchronize_batch_norm
from tfopt.distribution.sharding import distribute_batches
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.metrics.metric import Judged
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.formats.keras.prediction import predict_batches
from tfopt.graph.last_operation import gives_probabilities
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import outputs_of
from tfopt.runtime.progress import Progress
from tfopt.tasks.losses import loss_of, smoothed, soft_loss
from tfopt.tasks.registry import rules_for
from tfopt.tasks.several import LossOfOutputs
from tfopt.training.augmentation import LABELS, make_augmentation
from tfopt.training.batch_norm import recent_statistics
from tfopt.training.batches import balanced_sample_weights, evaluation_batches, steps_per_epoch, training_batches
from tfopt.training.callbacks import BestEpoch, EpochMonitor, Plateau, ProgressBar, tensorboard_callbacks
from tfopt.training.checkpoint import NOT_STARTED, Checkpoint, Position, RunFiles
from tfopt.training.optimizers import kernel_penalties
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import EpochSeeds
from tfopt.training.several_outputs import FlatOutputs
from tfopt.training.teacher import Teacher, blended_targets
from tfopt.training.teacher import answering as answers_of
from tfopt.typing import Array, Options, Tensor

TRAINING_TASK = "training"


@dataclass(frozen=True)
class FitResult:
    """The history of a training, and where it ended.

    Attributes:
        history: The losses and metrics of each epoch, by the names that Keras gives them.
        best_epoch: The epoch, counted from 0, whose weights the model has now.
        resumed_at: How far the run had come when it was resumed.
        steps: The number of training steps, those before a stop included.
    """

    history: list[dict[str, float]]
    best_epoch: int
    resumed_at: Position
    steps: int


class Targets(NamedTuple):
    """The arrays (N, ...), for the train and the validation split, that outputs are compared with in the loss.

    Those of the train split are of the labels alone if there is a `teacher`, who is asked about each batch then.
    """

    train: Array
    validation: Array
    teacher: Teacher | None = None


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
    answering: keras.Model | None = None,
) -> FitResult:
    """Train `model` in place on the train split; leave it compiled, with the weights of its best epoch.

    It is trained on the replicas of the strategy in whose scope it was made, and in whose scope this is called.

    Args:
        model: A Keras 3 model.
        data: The validation split selects the epoch; the test split is not looked at.
        plan: How long and how fast to train.
        progress: Is told of each step.
        callbacks: Further callbacks of Keras.
        files: Where the state of the run is saved, and resumed from.
        teacher: A model whose answers are learnt as well as the labels.
        learner: A model around `model` that is trained in its place, and whose `get_weights` are those of `model`.
        answering: A model around `model` whose answers choose the epoch by a metric, if they are not those of `model`.

    Returns:
        How the training went.

    Raises:
        InputError: The loss is not a number, the plan does not suit the task, or the files of another run are in
            the way.
    """
    if plan.class_weights and data.task != "classification":
        raise InputError(f"`class_weights` is for classification; {data.config.source} is for {data.task}")
    soft = teacher is not None or plan.soft
    rules = rules_for(data)
    loss = soft_loss(loss_of(model, rules)) if soft else loss_of(model, rules)
    encode = rules.encoder(loss, outputs_of(model)[0].shape[-1])
    shape = [len(data.train), *(size or 1 for size in outputs_of(model)[0].shape[1:])]
    asked = teacher if plan.augment or is_large(tuple(shape)) else None  # about samples that change or are too many
    learnt = blended_targets(teacher, data, encode) if teacher and not asked else encode(data.train.y)
    targets = Targets(smoothed(learnt, plan.label_smoothing, data.task), encode(data.validation.y), asked)
    metric = rules.metric(soft_binary=soft and targets.train.shape[1:][-1:] == (1,))
    if learner is None:
        learner = FlatOutputs(model) if data.outputs else model
    learner = replicated_model(learner)
    shown = [metric] if metric else []
    learner.compile(optimizer=plan.optimizer(data), loss=loss, metrics=shown, jit_compile=plan.jitted())
    judge = _judge(model, answering or model, data, plan.metric) if plan.metric else None
    monitor, seeds = EpochMonitor(BestEpoch(plan.select_from, plan.patience, judge)), EpochSeeds(plan.seed)
    every = [seeds, *callbacks, *monitor.callbacks]
    every.extend([Plateau(plan.learning_rate, monitor.history)] if plan.decay == "plateau" else [])
    every.extend(tensorboard_callbacks(files.tensorboard) if files else [])
    with contextlib.ExitStack() as stack:
        first = NOT_STARTED
        if files:
            checkpoint = Checkpoint(files.checkpoint, files.run, monitor.best, monitor.history, seeds, files.steps)
            stack.enter_context(checkpoint.locked())
            first = checkpoint.resume(learner) if files.resume else checkpoint.start_over()
            every.append(checkpoint)
        stack.enter_context(kernel_penalties(model, plan.l1, plan.l2))
        layers = [layer for _, layer in named_layers(model)]
        stack.enter_context(synchronize_batch_norm(layers))
        stack.enter_context(recent_statistics(layers, plan.steps(data)))
        if first.epoch < plan.epochs and not monitor.best.is_over(first.epoch - 1):
            run_epochs(learner, data, plan, progress, every, targets, first)
        if files and monitor.diverged:
            checkpoint.start_over()
        best, steps = monitor.restore_best(learner, plan.learning_rate), int(learner.optimizer.iterations.numpy())
    # What is saved with the model loads without tfopt, and says nothing of this training's schedule.
    saved: Options = {"loss": loss, "metrics": [*rules.saved_metrics]}
    if isinstance(loss, LossOfOutputs):
        saved = loss.compile_options(model)
    model.compile(optimizer=keras.optimizers.Adam(plan.learning_rate, name="adam"), **saved)
    return FitResult(monitor.history, best, first, steps)


def _judge(model: keras.Model, answering: keras.Model, data: Dataset, metric: MetricLike) -> Callable[[], float]:
    """Return what says how bad the answers of a model are on the validation split: less is better."""
    evaluator = Evaluator.on(data, "validation").by(metric)

    def judge() -> float:
        scores = evaluator.judged(predict_batches(answering, evaluator.inputs), gives_probabilities(model))
        value = scores.value if isinstance(scores, Judged) else float(scores.mean())
        return -value if evaluator.higher_is_better else value

    return judge


def run_epochs(
    model: keras.Model,
    data: Dataset,
    plan: FitPlan,
    progress: Progress,
    callbacks: Sequence[keras.callbacks.Callback],
    targets: Targets,
    first: Position = NOT_STARTED,
    adapt: Callable[[keras.callbacks.Callback], keras.callbacks.Callback] = lambda callback: callback,
) -> None:
    """Call `fit` of a compiled model of either Keras, from the position `first` on.

    Args:
        model: A model of Keras 3 or tf_keras, with its optimizer, loss and metrics.
        data: Gives the inputs of both splits.
        plan: How long to train, and on which batches.
        progress: Is told of each step.
        callbacks: Callbacks for the Keras of `model`.
        targets: What the outputs are compared with.
        first: Where the training goes on.
        adapt: Makes a callback for the Keras of `model` of one for Keras 3.
    """
    steps = plan.steps(data)
    augment = make_augmentation(plan.augment, data.kind, data.train.inputs[0], LABELS.get(data.task))
    if targets.teacher:
        augment = answers_of(targets.teacher, augment or _unchanged)
    sample_weights = balanced_sample_weights(data.train.y) if plan.class_weights else None
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1

    def train_batches(start: Position, end: int) -> tf.data.Dataset:
        return distribute_batches(
            lambda shard: training_batches(
                data.train.inputs,
                targets.train,
                batch_size=plan.batch_size,
                seed=plan.seed,
                first_epoch=start.epoch,
                first_step=start.step,
                epochs=end,
                shard=shard,
                augment=augment,
                sample_weights=sample_weights,
            )
        )

    def validation_batches() -> tf.data.Dataset:
        return distribute_batches(
            lambda shard: evaluation_batches(
                data.validation.inputs, targets.validation, batch_size=plan.batch_size, shard=shard
            )
        )

    arrays = (*data.train.inputs, *data.validation.inputs, targets.train, targets.validation)
    with progress.task(TRAINING_TASK, plan.epochs * steps) as advance, fetching(*arrays):
        advance(first.epoch * steps + first.step)
        bar = adapt(ProgressBar(advance, plan.epochs))
        for start, end in _parts(first, plan.epochs):
            if not model.stop_training:
                model.fit(
                    train_batches(start, end),
                    validation_data=validation_batches(),
                    # Known on one device, where to stop before the end would empty the cache.
                    validation_steps=steps_per_epoch(len(data.validation), plan.batch_size) if several else None,
                    steps_per_epoch=steps - start.step,
                    initial_epoch=start.epoch,
                    epochs=end,
                    callbacks=[*callbacks, bar],
                    shuffle=False,
                    verbose=0,
                )


def _unchanged(inputs: Sequence[Tensor], y: Tensor, key: Tensor) -> tuple[Sequence[Tensor], Tensor]:  # noqa: ARG001
    return inputs, y


def _parts(first: Position, epochs: int) -> Iterator[tuple[Position, int]]:
    """Yield where each call of `model.fit` starts and at which epoch it ends."""
    if first.step:  # the rest of an epoch is an epoch of fewer steps
        yield first, first.epoch + 1
        first = Position(first.epoch + 1)
    if first.epoch < epochs:
        yield first, epochs
