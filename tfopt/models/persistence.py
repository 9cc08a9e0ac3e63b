"""Forecasts relative to what is known (after NLinear, Zeng et al. 2023, arXiv:2205.13504, section 4).

The level of a series drifts away from where it was in training. So the last step is subtracted from what a model sees,
and the last steps are added to what it says: a model that says nothing repeats the last step or, where that is nearer,
as many steps as it forecasts, such as those of the day before. Either is hard to beat.
"""

import keras
from keras import layers

from tfopt.models.signature import Signature


def relative(inputs: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """The window (N, T, V) as differences to its last step if it is to be forecast, else as it is."""
    if signature.task != "forecasting":
        return inputs
    return layers.Subtract(name="relative")([inputs, inputs[:, -1:]])


def persistent(steps: keras.KerasTensor, inputs: keras.KerasTensor, signature: Signature) -> keras.KerasTensor:
    """Add the last steps of the forecast variates to `steps`, (N, H) or (N, H, V), if they are among the inputs."""
    if signature.task != "forecasting":
        return steps
    last = inputs[:, -signature.repeated :]
    if len(signature.outputs) == 1 and signature.column is not None:
        last = last[..., signature.column]
    elif len(signature.outputs) == 1 or signature.outputs[1] != signature.shape[1]:
        return steps
    return layers.Add(name="persistent")([steps, last])
