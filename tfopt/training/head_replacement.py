"""A new head for a trained model: what its last layer was fed becomes what the new one is fed."""

import contextlib
import re
from collections.abc import Iterator

import keras
from keras import layers

from tfopt.errors import UnsupportedError
from tfopt.graph.last_operation import SHAPING
from tfopt.models.heads import add_head, add_map_head, free_names
from tfopt.models.signature import Signature

POOLING = {3: layers.GlobalAveragePooling1D, 4: layers.GlobalAveragePooling2D, 5: layers.GlobalAveragePooling3D}
SUMS = {"Add", *SHAPING}


def with_new_head(base: keras.Model, signature: Signature, name: str) -> keras.Model:
    """Return a model up to what its last dense layer is fed, with a new head; weights are shared.

    Where the outputs of several dense layers are added up, as in a forecaster with a linear part, it is the one with
    the most weights before it. A model that ends otherwise is taken whole, as what gives the features.

    Args:
        base: The model.
        signature: What the new head gives.
        name: What messages call the model.

    Raises:
        UnsupportedError: The end is a model by itself, or there are several inputs or outputs.
    """
    if len(base.inputs) != 1 or len(base.outputs) != 1:
        raise UnsupportedError(
            f"`base` takes a model with one input and one output; {name} has {len(base.inputs)} and {len(base.outputs)}"
        )
    last = next((layer for layer in reversed(base.layers) if layer.weights), None)
    if isinstance(last, keras.Model):
        raise UnsupportedError(
            f"{name} ends in the nested model {last.name}; `base` replaces a layer of the model itself"
        )
    whole = keras.Model(base.inputs, base.outputs, name="whole")  # a Sequential does not list its operations
    _count_names(whole)
    if len(signature.outputs) == 3:
        return _with_new_map_head(base, last, signature, name)
    added = list(_added_up(whole))
    last = max(added, key=lambda layer: len(_before(layer, base).weights)) if added else last
    features = last.input if isinstance(last, layers.Dense) else base.outputs[0]
    rank = len(features.shape)
    if rank in POOLING:
        features = POOLING[rank](name=free_names(base.inputs[0], features)("features"))(features)
    return add_head(base.inputs[0], features, signature, 0.0, "transferred")


def _with_new_map_head(base: keras.Model, last: keras.Layer | None, signature: Signature, name: str) -> keras.Model:
    """Return a model that answers an image with an image up to what its last convolution is fed, with a new one."""
    features = last.input if isinstance(last, layers.Conv2D) else base.outputs[0]
    if len(features.shape) != 4 or features.shape[1:3] not in (signature.outputs[:2], (None, None)):
        raise UnsupportedError(
            f"{name} has no features of each of {signature.outputs[0]}x{signature.outputs[1]} pixels, which"
            f" {signature.task} needs; `base` takes a model for images as `arch` unet is, or train that anew"
        )
    return add_map_head(base.inputs[0], features, signature, "transferred")


def _added_up(base: keras.Model) -> Iterator[layers.Dense]:
    """Yield the dense layers whose outputs, added up and brought into shape, are the output of a model."""
    makers: dict[int, keras.Operation] = {}
    for operation in base.operations:
        with contextlib.suppress(AttributeError, ValueError):  # one that is called several times has no output
            makers |= {id(tensor): operation for tensor in keras.tree.flatten(operation.output)}
    waiting = list(base.outputs)
    while waiting:
        maker = makers.get(id(waiting.pop()))
        if isinstance(maker, layers.Dense):
            yield maker
        elif maker is not None and type(maker).__name__ in SUMS:
            waiting += keras.tree.flatten(maker.input)


def _before(layer: keras.Layer, base: keras.Model) -> keras.Model:
    return keras.Model(base.inputs, layer.input, name="before")


def _count_names(base: keras.Model) -> None:
    """Let Keras number what it names itself, such as slices, after those of a model that was loaded."""
    for operation in base.operations:
        stem, _, number = re.fullmatch(r"(.*?)(_(\d+))?", operation.name).groups()  # type: ignore[union-attr]
        while keras.backend.get_uid(stem) <= int(number or 0):
            pass
