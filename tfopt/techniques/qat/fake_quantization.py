"""Fake quantization: the forward pass sees rounded numbers, and the step between them is learnt with the weights.

Learned step size quantization (LSQ, Esser et al. 2020, arXiv:1902.08153): rounding passes the gradient on as if it were
not there (straight through), and where a number is clipped it passes none. So the gradient of the step s of numbers
x = s v is round(v) - v between the limits and the limit itself beyond them (eq. 3). What is trained is the logarithm of
the step, which keeps it positive and lets one learning rate serve all of them.
"""

import tensorflow as tf
from keras import ops

from tfopt.typing import Tensor

ACTIVATION_INTEGERS = 255


def round_weights(kernel: Tensor, steps: Tensor, limit: int) -> Tensor:
    """Round weights to integers times steps; gradients go to the kernel and to the steps.

    Args:
        kernel: The weights.
        steps: The steps, of a shape that is broadcast to that of the kernel.
        limit: The largest integer; the least is its negative.

    Returns:
        The rounded weights, in the shape of the kernel.
    """
    scaled = ops.clip(kernel / steps, -limit, limit)
    return steps * (scaled + ops.stop_gradient(ops.round(scaled) - scaled))


@tf.custom_gradient
def round_activations(x: Tensor, log_step: Tensor, zero_point: Tensor) -> Tensor:
    """Round activations to 8 bits: (q - zero_point) times a step, q from 0 to 255.

    TensorFlow's own operation does it in one pass, but its gradient lacks what rounding costs: here the gradient of the
    logarithm of the step is the sum of dy (y - x) between the limits and of dy y beyond them.

    Args:
        x: Activations.
        log_step: The logarithm of the step, a scalar.
        zero_point: The integer that stands for 0, a scalar float.

    Returns:
        The rounded activations, in the shape of x.
    """
    step = tf.exp(log_step)
    low, high = -zero_point * step, (ACTIVATION_INTEGERS - zero_point) * step
    y = tf.quantization.fake_quant_with_min_max_vars(x, low, high)

    def gradient(dy: Tensor) -> tuple[Tensor, Tensor, None]:
        dx, _, _ = tf.raw_ops.FakeQuantWithMinMaxVarsGradient(gradients=dy, inputs=x, min=low, max=high)
        return dx, _dot(dy, y) - _dot(dx, x), None

    return y, gradient


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return tf.tensordot(tf.reshape(a, [-1]), tf.reshape(b, [-1]), 1)
