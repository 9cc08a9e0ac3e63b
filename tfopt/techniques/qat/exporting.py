"""A tf_keras model as a SavedModel with one signature, for the converter in its child process."""

from pathlib import Path

import tensorflow as tf
import tf_keras

RECURRENT = (tf_keras.layers.RNN, tf_keras.layers.Bidirectional)


def export(model: tf_keras.Model, folder: Path) -> None:
    """Write `model` for inference into `folder`.

    The batch size is free, but 1 if there is a recurrent layer: the converter needs a fixed one to find the kernel that
    LiteRT has for it.
    """
    recurrent = any(isinstance(getattr(layer, "layer", layer), RECURRENT) for layer in model.layers)
    specs = [
        tf.TensorSpec((1 if recurrent else tensor.shape[0], *tensor.shape[1:]), tensor.dtype, name=name)
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    ]
    module = tf.Module()
    module.variables_of_the_model = list(model.variables)
    module.serve = tf.function(lambda *inputs: model(list(inputs), training=False), input_signature=specs)
    tf.saved_model.save(module, str(folder), signatures=module.serve.get_concrete_function())
