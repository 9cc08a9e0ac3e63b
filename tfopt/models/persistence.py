"""Forecasts relative to the last step that is known (NLinear, Zeng et al. 2023, arXiv:2205.13504, section 4).

The level of a series drifts away from where it was in training. So the last step is subtracted from what a model sees
and added to what it says: a model that says nothing repeats the last step, which is hard to beat.
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
    """Add the last step of the forecast variates to `steps`, (N, H) or (N, H, V), if they are among the inputs."""
    if signature.task != "forecasting":
        return steps
    if len(signature.outputs) == 1 and signature.column is not None:
        last = inputs[:, -1, signature.column : signature.column + 1]
    elif len(signature.outputs) == 2 and signature.outputs[1] == signature.shape[1]:
        last = inputs[:, -1:]
    else:
        return steps
    return layers.Add(name="persistent")([steps, last])
