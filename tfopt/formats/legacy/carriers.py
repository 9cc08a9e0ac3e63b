"""A tf_keras layer that holds a Keras 3 layer or operation and calls it: how a layer without a twin crosses.

Both libraries run on TensorFlow, so the held layer sees ordinary tensors and its variables are ordinary `tf.Variable`s,
which the holder tracks. Cloning the holder, as TensorFlow Model Optimization does, keeps the layer that it holds.
"""

import inspect
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tf_keras

from tfopt.typing import Json, Options, Tensor

SLOT = "tfopt: here goes a tensor"


class Held(NamedTuple):
    """What a holder calls: the operation, and its arguments with `SLOT` in place of each tensor."""

    operation: keras.Operation
    args: tuple[Tensor, ...]
    kwargs: Options


def split(structure: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return `structure` with `SLOT` in place of its tensors, and the tensors."""
    tensors = [leaf for leaf in keras.tree.flatten(structure) if _is_tensor(leaf)]
    return keras.tree.map_structure(lambda leaf: SLOT if _is_tensor(leaf) else leaf, structure), tensors


def fill(structure: Tensor, tensors: list[Tensor]) -> Tensor:
    """Undo `split`."""
    rest = iter(tensors)
    return keras.tree.map_structure(lambda leaf: next(rest) if leaf is SLOT else leaf, structure)


def _is_tensor(leaf: Any) -> bool:
    if tf.is_tensor(leaf):
        return True
    try:
        return bool(tf_keras.backend.is_keras_tensor(leaf))
    except ValueError:  # it raises for what is no tensor at all
        return False


def holder(held: dict[str, Held]) -> type[tf_keras.layers.Layer]:
    """Return a class whose instances call the operations in `held`, by key; its config is the key alone."""

    class Carried(tf_keras.layers.Layer):
        """Calls what is held under `key` with the list of its tensors."""

        def __init__(self, key: str, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.key = key
            self.supports_masking = True
            operation = held[key].operation
            self.variables_held = [v.value for v in operation.variables] if isinstance(operation, keras.Layer) else []

        def call(self, tensors: Tensor, training: bool | None = None) -> Tensor:
            """Call the operation on one tensor or a list; `training` is passed on where it counts."""
            operation, args, kwargs = self.held()
            args, kwargs = fill((args, kwargs), tf.nest.flatten(tensors))
            takes_training = "training" in inspect.signature(operation.call).parameters
            if isinstance(operation, keras.Layer) and training is not None and takes_training:
                kwargs = {**kwargs, "training": training}
            return operation(*args, **kwargs)

        def held(self) -> Held:
            """What is held; not an attribute, because tf_keras would wrap it."""
            return held[self.key]

        def get_config(self) -> Json:
            """The key; what is held stays where it is."""
            return {**super().get_config(), "key": self.key}

    return Carried
