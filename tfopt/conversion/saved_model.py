"""A SavedModel is what TensorFlow's converter reads: a traced function, whose inputs and outputs have names.

The function is the Keras 3 model itself, or its copy in tf_keras, in which the converter finds LiteRT's LSTM kernel.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from tfopt.formats.legacy.to_tf_keras import to_tf_keras
from tfopt.graph.layer_names import call_in_scopes
from tfopt.graph.model_io import call, inputs_of
from tfopt.graph.replay import is_graph
from tfopt.typing import Tensor


class Traceable(NamedTuple):
    """A function to be traced.

    Attributes:
        run: Maps the list of inputs to the outputs.
        variables: All that `run` uses.
        specs: The shape, type and name of each input.
        output_names: The names of the outputs; None for `output_0`, `output_1`, ...
    """

    run: Callable[[list[Tensor]], Tensor]
    variables: Sequence[Tensor]
    specs: Sequence[tf.TensorSpec]
    output_names: Sequence[str] | None = None


def from_keras3(model: keras.Model, batch: int | None, length: int | None) -> Traceable:
    """Take the Keras model itself; where its graph is known, layer by layer, so that operations are named after layers.

    Args:
        model: The model.
        batch: The batch size to fix; None leaves it as it is.
        length: What free sizes other than that of the batch become; None leaves them free.
    """
    named = not isinstance(model, keras.Sequential) and is_graph(model) and isinstance(model.output, dict)
    names = sorted(model.output) if named else None
    variables = [variable.value for variable in model.variables]
    run = call_in_scopes if is_graph(model) else call
    return Traceable(lambda inputs: run(model, inputs), variables, _specs(model, batch, length), names)


def from_tf_keras_copy(model: keras.Model, batch: int | None, length: int | None) -> Traceable:
    """Take the copy of the model in tf_keras; arguments as for `from_keras3`.

    Raises:
        UnsupportedError: It cannot be rebuilt in tf_keras.
    """
    rebuilt = to_tf_keras(model, model.name).model
    run = from_keras3(model, batch, length)
    return run._replace(run=lambda inputs: rebuilt(inputs, training=False), variables=list(rebuilt.variables))


def save(traceable: Traceable, folder: Path) -> list[str]:
    """Write the SavedModel into `folder`; return the names of its inputs in their order."""

    def serve(*inputs: Tensor) -> dict[str, Tensor]:
        outputs = keras.tree.flatten(traceable.run(list(inputs)))
        width = len(str(len(outputs) - 1))  # the signature sorts them
        names = traceable.output_names or [f"output_{index:0{width}}" for index in range(len(outputs))]
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    module.variables_of_the_model = traceable.variables
    module.serve = tf.function(serve, input_signature=traceable.specs, autograph=False)
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
