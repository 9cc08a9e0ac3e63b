"""A tf_keras layer that wraps a Keras 3 layer or operation and calls it, for those that tf_keras has no twin of.

Both libraries run on TensorFlow, so the wrapped layer sees ordinary tensors, and its variables are ordinary
`tf.Variable`s, which the wrapper tracks. A clone of the wrapper, as TensorFlow Model Optimization makes, wraps the same
layer.
"""

import inspect
from typing import NamedTuple

import keras
import tensorflow as tf
import tf_keras

from tfopt.typing import Json, Options, Tensor

PLACEHOLDER = "tfopt: here goes a tensor"


class WrappedCall(NamedTuple):
    """A call that a wrapper makes: the operation, and its arguments with `PLACEHOLDER` in place of each tensor."""

    operation: keras.Operation
    args: tuple[Tensor, ...]
    kwargs: Options


def extract_tensors(structure: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return `structure` with `PLACEHOLDER` in place of its tensors, and the tensors."""
    tensors = [leaf for leaf in keras.tree.flatten(structure) if _is_tensor(leaf)]
    return keras.tree.map_structure(lambda leaf: PLACEHOLDER if _is_tensor(leaf) else leaf, structure), tensors


def insert_tensors(structure: Tensor, tensors: list[Tensor]) -> Tensor:
    """Undo `extract_tensors`."""
    rest = iter(tensors)
    return keras.tree.map_structure(lambda leaf: next(rest) if leaf is PLACEHOLDER else leaf, structure)


def _is_tensor(leaf: object) -> bool:
    if tf.is_tensor(leaf):
        return True
    try:
        return bool(tf_keras.backend.is_keras_tensor(leaf))
    except ValueError:  # it raises for what is no tensor at all
        return False


def wrapper_class(calls: dict[str, WrappedCall]) -> type[tf_keras.layers.Layer]:
    """Return a class of layers, each of which makes one of `calls`, by key; its config is the key alone."""

    class Keras3Wrapper(tf_keras.layers.Layer):
        """Makes the call under `key` with the list of its tensors."""

        def __init__(self, key: str, **kwargs: object) -> None:
            super().__init__(**kwargs)
            self.key = key
            self.supports_masking = True
            operation = calls[key].operation
            self.wrapped_variables = (
                [v.value for v in operation.variables] if isinstance(operation, keras.Layer) else []
            )

        def call(self, tensors: Tensor, training: bool | None = None) -> Tensor:
            """Call the operation on one tensor or a list; `training` is passed on where it makes a difference."""
            operation, args, kwargs = self.wrapped_call()
            args, kwargs = insert_tensors((args, kwargs), tf.nest.flatten(tensors))
            takes_training = "training" in inspect.signature(operation.call).parameters
            if isinstance(operation, keras.Layer) and training is not None and takes_training:
                kwargs = {**kwargs, "training": training}
            return operation(*args, **kwargs)

        def wrapped_call(self) -> WrappedCall:
            """Return the call; it is no attribute, because tf_keras would convert it."""
            return calls[self.key]

        def get_config(self) -> Json:
            """Return the key alone."""
            return {**super().get_config(), "key": self.key}

    return Keras3Wrapper
