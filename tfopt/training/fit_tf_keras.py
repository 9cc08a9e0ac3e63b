"""Training of a tf_keras model, with the same batches, selection and progress as `tfopt.training.fit`.

TensorFlow Model Optimization works on tf_keras models only, so quantization-aware training and its pruning engine need
this.
"""

from collections.abc import Iterable, Sequence

import keras
import tensorflow as tf
import tf_keras

from tfopt.data.dataset import Dataset
from tfopt.errors import UnsupportedError
from tfopt.graph.model_io import outputs_of
from tfopt.runtime.progress import Progress
from tfopt.tasks.classes import agreement
from tfopt.tasks.losses import loss_of, soft_loss
from tfopt.tasks.registry import rules_for
from tfopt.tasks.rules import TaskRules
from tfopt.training.callbacks import BestEpoch, EpochMonitor
from tfopt.training.checkpoint import NOT_STARTED
from tfopt.training.fit import FitResult, Targets, run_epochs
from tfopt.training.plan import FitPlan
from tfopt.training.projections import Projection
from tfopt.training.teacher import Teacher, blended_targets
from tfopt.typing import Logs, Tensor

BY_LOSS = "the validation loss chose the epoch, as it does with TensorFlow Model Optimization: `metric` only measures"


def fit_tf_keras(
    model: tf_keras.Model,
    source: keras.Model,
    data: Dataset,
    plan: FitPlan,
    progress: Progress,
    *,
    projections: Sequence[tuple[tf.Variable, Projection]] = (),
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    teacher: Teacher | None = None,
) -> FitResult:
    """Train `model` in place; leave it with the weights of its best epoch.

    Args:
        model: A model of tf_keras.
        source: The Keras 3 model it was made from, whose loss is used.
        data: The validation split selects the epoch; the test split is not looked at.
        plan: How long and how fast to train.
        progress: Is told of each step.
        projections: Variables, and by what each is replaced after every step.
        callbacks: Further callbacks of tf_keras.
        teacher: A model whose answers are learnt as well as the labels.

    Returns:
        How the training went.

    Raises:
        InputError: The loss is not a number.
        UnsupportedError: The model translates.
    """
    if data.task == "translation":
        raise UnsupportedError(
            "models that translate are not trained in tf_keras: `qat` and `engine` tfmot are not there"
        )
    tf_keras.utils.set_random_seed(plan.seed)
    rules = rules_for(data)
    loss = soft_loss(loss_of(source, rules)) if teacher else loss_of(source, rules)
    given = keras.losses.get(loss)
    function = given.call if isinstance(given, keras.losses.Loss) else given  # a loss for each sample
    width = outputs_of(source)[0].shape[-1]
    if data.outputs:
        flat = [tf_keras.layers.Flatten()(output) for output in model.outputs]
        model = tf_keras.Model(model.inputs, tf_keras.layers.Concatenate()(flat))
    model.compile(
        optimizer=ProjectedAdam(plan.learning_rate, projections),
        loss=lambda y, outputs: function(y, outputs),
        metrics=_metrics(rules, soft_binary=teacher is not None and width == 1),
    )
    monitor = EpochMonitor(BestEpoch(plan.select_from, plan.patience))
    encode = rules.encoder(loss, width)
    learnt = blended_targets(teacher, data, encode) if teacher else encode(data.train.y)
    targets = Targets(learnt, encode(data.validation.y))
    every = [*callbacks, *map(CallbackAdapter, monitor.callbacks)]
    run_epochs(model, data, plan, progress, every, targets, adapt=CallbackAdapter)
    best, steps = monitor.restore_best(model, plan.learning_rate), int(model.optimizer.iterations.numpy())
    return FitResult(monitor.history, best, NOT_STARTED, steps)


def _metrics(rules: TaskRules, *, soft_binary: bool) -> list[tf_keras.metrics.Metric | str]:
    if soft_binary and rules.has_classes:
        return [tf_keras.metrics.MeanMetricWrapper(agreement, name="accuracy")]
    return [*rules.saved_metrics]


class ProjectedAdam(tf_keras.optimizers.Adam):
    """Adam on what is free in variables: it sees projected gradients, and its steps are projected, too."""

    def __init__(self, learning_rate: float, projections: Sequence[tuple[tf.Variable, Projection]] = ()) -> None:
        super().__init__(learning_rate)
        self.projections = projections

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[Tensor, tf.Variable]], *args: object, **kwargs: object
    ) -> object:
        """Project gradients, update, project."""
        free = {variable.ref(): projection for variable, projection in self.projections}
        projected = [
            (free[v.ref()].gradient(g) if g is not None and v.ref() in free else g, v) for g, v in grads_and_vars
        ]
        iterations = super().apply_gradients(projected, *args, **kwargs)
        context = tf.distribute.get_replica_context()
        if self.projections and context:
            context.merge_call(self._project)
        return iterations

    def _project(self, strategy: tf.distribute.Strategy) -> None:
        """Replace the variables on every replica, where they are the same."""
        for variable, projection in self.projections:
            strategy.extended.update(variable, lambda copy, projection=projection: copy.assign(projection(copy)))


class CallbackAdapter(tf_keras.callbacks.Callback):
    """Lets a Keras 3 callback watch the training of a tf_keras model."""

    def __init__(self, callback: keras.callbacks.Callback) -> None:
        super().__init__()
        self.callback = callback

    def set_model(self, model: tf_keras.Model) -> None:
        """Tell both callbacks the model."""
        super().set_model(model)
        self.callback.set_model(model)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Call the same method of the Keras 3 callback."""
        self.callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Call the same method of the Keras 3 callback."""
        self.callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Call the same method of the Keras 3 callback."""
        self.callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Call the same method of the Keras 3 callback."""
        self.callback.on_train_batch_end(batch, logs)
