"""A KerasHub task, a backbone with a head and a preprocessor, becomes a plain Keras model and a memory of its inputs.

The model has the layers of the backbone and of the head in one graph, so that every technique sees them. Its inputs are
as long and as large as the preprocessor makes them, which LiteRT needs to know.
"""

import sys
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeGuard

import keras
import numpy as np
from pydantic import ValidationError

from tfopt.data.resizing import Resizing
from tfopt.data.scaling import Scaling
from tfopt.data.tokenizer import HubTokenizer
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.equivalence import TOLERANCE, output_arrays, relative_difference
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.provenance import Provenance
from tfopt.graph.model_copy import LayerCopies, compile_like
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import is_graph, replay
from tfopt.typing import Options
from tfopt.untrusted.hub_classes import PACKAGE, check_task

Shape = tuple[int | None, ...]

HubTask: TypeAlias = Any
"""A task of KerasHub, whose classes have no annotations."""


def is_task(model: object) -> TypeGuard[HubTask]:
    """Tell whether a model is a task of KerasHub; whoever has one has imported that."""
    hub = sys.modules.get(PACKAGE)
    return hub is not None and isinstance(model, hub.models.Task)


def task_artifact(task: HubTask, name: str) -> KerasArtifact:
    """Make an artifact of a task.

    Args:
        task: A task of KerasHub.
        name: The name of its file, or of what would be its file.

    Raises:
        UnsupportedError: It is no classifier of images or texts, or its graph is not known.
        InputError: Its preprocessor does not fit it.
    """
    check_task(sys.modules[PACKAGE], type(task), name)
    if not is_graph(task) or len(task.outputs) != 1:
        raise UnsupportedError(f"{name} is a {type(task).__name__} whose layers do not make one graph with one output")
    preprocessor = task.preprocessor
    prepared: Options = {}
    if getattr(preprocessor, "tokenizer", None) is not None:
        prepared["tokenizer"] = HubTokenizer.of(preprocessor, [tensor.name for tensor in task.inputs])
    elif (converter := getattr(preprocessor, "image_converter", None)) is not None:
        prepared = _images(converter, task.inputs[0].shape, name)
    model = _plain(task, prepared, name)
    memory = Provenance(num_classes=int(model.outputs[0].shape[-1]), **prepared) if prepared else None
    return KerasArtifact.from_model(model, name, memory)


def _plain(task: HubTask, prepared: Options, name: str) -> keras.Model:
    """Return the layers of the task as one graph, on inputs of the sizes that the preprocessor makes."""
    tokenizer, resizing = prepared.get("tokenizer"), prepared.get("resizing")
    made = (tokenizer.length,) if tokenizer else resizing.size if resizing else None
    shapes = [_shape(tensor.shape[1:], made, name) for tensor in task.inputs]
    try:
        model = _copy(task, shapes, None)
    except UnsupportedError:  # some layers of KerasHub are made anew by their backbone alone
        model = _copy(task, shapes, task.backbone)
    given = random_inputs(model)
    before, after = (output_arrays(call(one, given)) for one in (task, model))
    if not relative_difference(before, after) <= TOLERANCE:
        raise UnsupportedError(f"{name} answers differently as a plain Keras model, which it has to become")
    return compile_like(task, model)


def _copy(task: HubTask, shapes: Sequence[Shape], whole: keras.Model | None) -> keras.Model:
    copies = LayerCopies()
    inputs = [
        keras.Input(shape, dtype=tensor.dtype, name=copies.unique(tensor.name))
        for shape, tensor in zip(shapes, task.inputs, strict=True)
    ]
    [output] = replay(task, inputs, copies.call, whole=whole)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, output, name=task.name)


def _shape(taken: Shape, made: Shape | None, name: str) -> Shape:
    if made is None:
        return taken
    if len(taken) != len(made) or any(t not in (None, m) for t, m in zip(taken, made, strict=True)):
        raise InputError(f"{name} takes samples of shape {taken}, but its preprocessor makes them {made}")
    return made


def _images(converter: Any, shape: Sequence[int | None], name: str) -> Options:
    """Return the scaling, and the resizing if there is one, of an image converter: x * scale + offset."""
    if converter.data_format != "channels_last":
        raise UnsupportedError(f"{name} takes images with {converter.data_format.replace('_', ' ')}; LiteRT does not")
    try:
        prepared: Options = {"scaling": _scaling(converter.scale, converter.offset)}
        if converter.image_size:
            height, width = converter.image_size
            prepared["resizing"] = Resizing(
                height=height,
                width=width,
                channels=shape[-1],
                interpolation=converter.interpolation,
                antialias=converter.antialias,
                crop=converter.crop_to_aspect_ratio,
                pad=converter.pad_to_aspect_ratio,
            )
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(f"{name} has an image converter that is not understood: {reason}") from error
    return prepared


def _scaling(scale: Any, offset: Any) -> Scaling:
    """Return the same map as (x - mean) / deviation."""
    factor = np.asarray(1.0 if scale is None else scale, np.float64)
    shift = np.asarray(0.0 if offset is None else offset, np.float64)
    with np.errstate(all="ignore"):
        mean, deviation = -shift / factor, 1 / factor
    if not np.any(shift) and factor.ndim == 0:
        return Scaling(scale="none" if factor == 1 else "standard", deviation=float(deviation))
    return Scaling(scale="standard", mean=_numbers(mean), deviation=_numbers(deviation))


def _numbers(values: Any) -> Any:
    found = values.tolist()
    return float(found) if isinstance(found, int | float) else found
