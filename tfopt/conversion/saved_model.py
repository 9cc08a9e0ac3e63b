"""A model as a SavedModel with one signature whose inputs and outputs have names, for the converter."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from tfopt.formats.legacy.bridge import cross
from tfopt.graph.layer_names import call_in_scopes
from tfopt.graph.model_io import call, inputs_of
from tfopt.graph.replay import is_graph
from tfopt.typing import Tensor


class Traceable(NamedTuple):
    """Something that maps a list of tensors to outputs, its variables, and the type and shape of each input."""

    run: Callable[[list[Tensor]], Tensor]
    variables: Sequence[Tensor]
    specs: Sequence[tf.TensorSpec]
    output_names: Sequence[str] | None = None


def keras3(model: keras.Model, batch: int | None, length: int | None) -> Traceable:
    """The Keras model itself; where its graph is known, layer by layer."""
    named = not isinstance(model, keras.Sequential) and is_graph(model) and isinstance(model.output, dict)
    names = sorted(model.output) if named else None
    variables = [variable.value for variable in model.variables]
    run = call_in_scopes if is_graph(model) else call
    return Traceable(lambda inputs: run(model, inputs), variables, _specs(model, batch, length), names)


def rebuilt(model: keras.Model, batch: int | None, length: int | None) -> Traceable:
    """Its copy in tf_keras, whose LSTM the converter knows."""
    crossed = cross(model, model.name).model
    run = keras3(model, batch, length)
    return run._replace(run=lambda inputs: crossed(inputs, training=False), variables=list(crossed.variables))


def save(traceable: Traceable, folder: Path) -> list[str]:
    """Write the SavedModel; return the names of its inputs in their order."""

    def serve(*inputs: Tensor) -> dict[str, Tensor]:
        outputs = keras.tree.flatten(traceable.run(list(inputs)))
        width = len(str(len(outputs) - 1))  # the signature sorts them
        names = traceable.output_names or [f"output_{index:0{width}}" for index in range(len(outputs))]
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    module.variables_of_the_model = traceable.variables
    module.serve = tf.function(serve, input_signature=traceable.specs)
    tf.saved_model.save(module, str(folder), signatures=module.serve.get_concrete_function())
    return [spec.name for spec in traceable.specs]


def _specs(model: keras.Model, batch: int | None, length: int | None) -> list[tf.TensorSpec]:
    specs: list[tf.TensorSpec] = []
    for tensor in inputs_of(model):
        first, *sizes = tensor.shape
        name = re.sub(r"\W", "_", tensor.name)
        taken = {spec.name for spec in specs}
        while name in taken:
            name += "_"
        shape = (batch or first, *(size or length for size in sizes))
        specs.append(tf.TensorSpec(shape, tensor.dtype, name=name))
    return specs
