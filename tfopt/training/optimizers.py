"""The optimizer of a plan: Adam (Kingma & Ba 2015) with a learning rate that may rise first and fall later.

With weight decay it is AdamW (Loshchilov & Hutter 2019), which spares biases and the scales of normalizations.
"""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tfopt.config.choices import Decay
from tfopt.typing import Tensor

WITHOUT_DECAY = ["bias", "gamma", "beta"]
FINAL_SHARE = 0.01  # share of the learning rate that is left at the end of the exponential decay
LEAST_SIZE = 1e-5  # of a kernel of zeros, which must be able to move
STEP_DECAY = ((0.5, 0.1), (0.75, 0.01))  # at half of the steps a tenth, as in He et al. 2016


def make_optimizer(
    rate: float, steps: int, *, decay: Decay = "constant", warmup: float = 0.0, weight_decay: float = 0.0,
    clip_norm: float | None = None, tied: bool = False, relative: bool = False,
) -> keras.optimizers.Optimizer:  # fmt: skip
    """Make an optimizer.

    Args:
        rate: The learning rate, after the rise and before the fall.
        steps: The number of steps of the training.
        decay: How the learning rate falls.
        warmup: The share of the steps in which it rises from zero to `rate`.
        weight_decay: The decay of each weight in a step, as a share of the learning rate.
        clip_norm: Gradients are scaled down to this global norm; None for never.
        tied: Whether constraints say what the gradient of weights that share a value is; for plain Adam.
        relative: Whether steps are relative to the size of a kernel; for plain Adam, weights may be tied then.

    Returns:
        Adam, or AdamW if there is weight decay.
    """
    if tied or relative:
        return (RelativeAdam if relative else TiedAdam)(make_learning_rate(rate, steps, decay, round(warmup * steps)))
    schedule = make_learning_rate(rate, steps, decay, round(warmup * steps))
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    clipping = {"global_clipnorm": clip_norm} if replicas == 1 or clip_norm is None else {"together": clip_norm}
    if not weight_decay:
        return (Adam if "together" in clipping else keras.optimizers.Adam)(schedule, **clipping)
    made = (AdamW if "together" in clipping else keras.optimizers.AdamW)(
        schedule, weight_decay=weight_decay, **clipping
    )
    made.exclude_from_weight_decay(var_names=WITHOUT_DECAY)
    return made


class _GlobalClipping:
    """Clips the gradient of the whole batch; Keras clips that of each replica before they are summed."""

    def __init__(self, *args: object, together: float, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.together = together

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[Tensor] | None = None) -> None:
        """Sum, clip, and divide again: what comes after sums the same gradients of all replicas."""
        context = tf.distribute.get_replica_context()
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, [grad for grad in grads if grad is not None])
        clipped, _ = tf.clip_by_global_norm(summed, self.together)
        shares = iter([grad / context.num_replicas_in_sync for grad in clipped])
        super().apply(  # type: ignore[misc]
            [None if grad is None else next(shares) for grad in grads], trainable_variables
        )


class Adam(_GlobalClipping, keras.optimizers.Adam):
    """Adam for several replicas."""


class TiedAdam(keras.optimizers.Adam):
    """Adam on values that weights share: it sees the sums of their gradients, not the gradient of each weight."""

    def apply(self, grads: Sequence[Tensor], trainable_variables: Sequence[Tensor]) -> None:
        """Sum what a constraint says belongs together, then update."""
        pairs = zip(grads, trainable_variables, strict=True)
        super().apply([_tied(gradient, variable) for gradient, variable in pairs], trainable_variables)


def _tied(gradient: Tensor, variable: Tensor) -> Tensor:
    sum_up = getattr(variable.constraint, "gradient", None)
    if gradient is None or sum_up is None:
        return gradient
    if isinstance(gradient, tf.IndexedSlices):  # of an embedding
        gradient = tf.convert_to_tensor(gradient)
    return sum_up(gradient)


class RelativeAdam(TiedAdam):
    """Adam whose step in a kernel is relative to the root mean square of its weights (Adafactor, arXiv:1804.04235, §8).

    So one learning rate serves all kernels, those that expect inputs of 0 to 255, too; vectors have the rate as it is.
    """

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Update a variable."""
        if len(variable.shape) > 1:
            size = keras.ops.sqrt(keras.ops.mean(keras.ops.square(variable)))
            learning_rate = learning_rate * keras.ops.maximum(size, LEAST_SIZE)
        super().update_step(gradient, variable, learning_rate)


class AdamW(_GlobalClipping, keras.optimizers.AdamW):
    """AdamW for several replicas."""


def make_learning_rate(
    rate: float, steps: int, decay: Decay, warmup: int = 0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Make the learning rate of a training.

    Args:
        rate: The rate, after the rise and before the fall.
        steps: The number of steps of the training.
        decay: How it falls; for "plateau" that is up to a callback.
        warmup: The number of steps in which it rises from zero.

    Returns:
        A number, or a schedule over the steps.
    """
    falling = max(1, steps - warmup)
    schedules = keras.optimizers.schedules
    match decay:
        case "cosine":  # Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5
            found: keras.optimizers.schedules.LearningRateSchedule = schedules.CosineDecay(rate, falling)
        case "exponential":
            found = schedules.ExponentialDecay(rate, falling, FINAL_SHARE)
        case "step":
            bounds = [round(falling * share) for share, _ in STEP_DECAY]
            found = schedules.PiecewiseConstantDecay(bounds, [rate, *(rate * factor for _, factor in STEP_DECAY)])
        case _:
            found = rate
    return WarmUp(rate, warmup, found) if warmup else found


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that rises from zero over the first steps (Goyal et al. 2017, arXiv:1706.02677, section 2.2).

    Args:
        rate: The rate at the end of the rise.
        steps: The number of steps in which it rises.
        after: The rate or schedule from then on.
    """

    def __init__(self, rate: float, steps: int, after: float | keras.optimizers.schedules.LearningRateSchedule) -> None:
        self.rate = rate
        self.steps = steps
        self.after = after

    def __call__(self, step: Tensor) -> Tensor:
        """Return the learning rate of a step."""
        step = keras.ops.cast(step, "float32")
        after = self.after(step - self.steps) if callable(self.after) else self.after
        return keras.ops.where(step < self.steps, self.rate * (step + 1) / self.steps, after)


@contextlib.contextmanager
def kernel_penalties(model: keras.Model, l1: float, l2: float) -> Iterator[None]:
    """Add l1 * sum|w| + l2 * sum w^2 of every trainable kernel to the loss while the context lasts.

    The penalties are part of one training only: the model that is saved knows nothing of them.
    """
    kernels = (
        [weight for weight in model.trainable_weights if len(weight.shape) >= 2 and weight.name not in WITHOUT_DECAY]
        if l1 or l2
        else []
    )
    before = [kernel.regularizer for kernel in kernels]
    try:
        for kernel in kernels:
            kernel.regularizer = keras.regularizers.L1L2(l1, l2)
        yield
    finally:
        for kernel, own in zip(kernels, before, strict=True):
            kernel.regularizer = own
