"""Calling a model with a plain list of inputs, whatever structure (a tensor, a list, a dict) it was built with."""

from collections.abc import Sequence
from typing import Any

import keras


def call(model: keras.Model, inputs: Sequence[Any]) -> Any:
    """Run `model` for inference on `inputs`, one for each entry of `model.inputs`."""
    if isinstance(model, keras.Sequential):
        [structured] = inputs
    else:
        structured = keras.tree.pack_sequence_as(model.input, inputs)
    return model(structured, training=False)
