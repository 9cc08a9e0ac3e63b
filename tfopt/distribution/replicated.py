"""Training of Keras 3.15 models on several replicas, with the same result as on one."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf
from keras import layers, ops

from tfopt.typing import Tensor


class ReplicatedSteps:
    """Training steps for replicas whose batches differ in size, and for workers; a base class before `keras.Model`.

    A model is built by its first step. Keras would build it from the mean of the replicas' batches, for which they must
    be of one size, and between workers that fails. Logs get an axis: over several workers Keras takes the mean along
    the first.
    """

    def _maybe_symbolic_build(self, iterator: Iterator[Tensor] | None = None, data_batch: Tensor = None) -> None:
        # A private name of Keras, without a public way around it: `test_distribution` tells when it is gone.
        pass

    def train_step(self, data: Tensor) -> Tensor:
        """Make one step of training on a batch (x, y) or (x, y, weights)."""
        return _with_axis(super().train_step(data))  # type: ignore[misc]

    def test_step(self, data: Tensor) -> Tensor:
        """Make one step of validation."""
        return _with_axis(super().test_step(data))  # type: ignore[misc]


class _Functional(ReplicatedSteps, keras.Model):
    """A model of inputs and outputs; Keras makes every class so that is made of them once."""


def replicated_model(model: keras.Model) -> keras.Model:
    """Return a model of the same layers to train in place of `model`: with one replica that is `model` itself."""
    if tf.distribute.get_strategy().num_replicas_in_sync == 1 or isinstance(model, ReplicatedSteps):
        return model
    return _Functional(inputs=_single(model.inputs), outputs=_single(model.outputs), name=model.name)


def _single(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else list(tensors)


def _with_axis(logs: dict[str, Tensor]) -> Tensor:
    if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        return keras.tree.map_structure(lambda value: ops.reshape(value, (1,)), logs)
    return logs


@contextlib.contextmanager
def synchronize_batch_norm(found: Sequence[keras.Layer]) -> Iterator[None]:
    """Let the batch normalizations among layers see the batches of all replicas while the context lasts."""
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    normalizations = [layer for layer in found if several and isinstance(layer, layers.BatchNormalization)]
    before = [layer.synchronized for layer in normalizations]
    try:
        for layer in normalizations:
            layer.synchronized = True
        yield
    finally:
        for layer, own in zip(normalizations, before, strict=True):
            layer.synchronized = own


def single_device_copy(model: keras.Model) -> keras.Model:
    """Return a copy for one device, with the weights of `model` and compiled as it is."""
    plain = keras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    plain.compile_from_config(model.get_compile_config())
    return plain
