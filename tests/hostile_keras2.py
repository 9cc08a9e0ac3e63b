"""Models of Keras 2 made to do harm: how each is made, and words of the sentence that refuses it."""

import json
import os

import h5py
import numpy as np

from tests.hostile_models import evil_module, keras_file, layer, layers, touching


def old_zip(folder, *found, config=None):
    change = layers(*found)

    def older(members):
        change(members)
        text = json.dumps(config).encode() if config else members["config.json"]
        members["config.json"] = text.replace(b'"batch_shape"', b'"batch_input_shape"')
        members["metadata.json"] = b'{"keras_version": "2.15.0"}'

    return keras_file(folder / "m.keras", older)


def old_module(folder):
    evil_module(folder, "evil")
    return old_zip(folder, layer("Dense", units=1, activation=layer("function", "evil") | {"config": "harm"}))


def disguised_lambda(folder):
    harm = layer("Any", "tf_keras.src.layers.core.lambda_layer") | {"registered_name": "Lambda"}
    return old_zip(folder, harm)


def hdf5(path, config):
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path.name


def escaped_lambda(folder):
    import tf_keras

    layer = tf_keras.layers.Lambda(eval(f"lambda x: [x, {touching(folder)}][0]"))
    config = json.dumps(tf_keras.Sequential([tf_keras.layers.InputLayer((4,)), layer]).get_config())
    (folder / "executed").unlink(missing_ok=True)
    config = config.replace('"class_name": "Lambda"', r'"class_name":"\u004cambda"')
    return hdf5(folder / "m.h5", f'{{"class_name": "Sequential", "config": {config}}}')


def written_file(folder, **named):
    """A call of tf.io.write_file with constants, which tf_keras makes while it loads."""
    harm = {"class_name": "TFOpLambda", "name": "w", "config": {"name": "w", "function": "io.write_file"}} | named
    harm["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(folder / "executed"), {"contents": "x"}]]
    graph = {"name": "m", "layers": [{**INPUT, "name": "i", "inbound_nodes": []}, harm]}
    graph |= {"input_layers": [["i", 0, 0]], "output_layers": [["i", 0, 0]]}
    if not named:
        return hdf5(folder / "m.h5", json.dumps({"class_name": "Functional", "config": graph}))
    config = {"module": "keras.src.engine.functional", "class_name": "Functional", "registered_name": None}
    return old_zip(folder, config=config | {"config": graph})


def old_hdf5(folder, *found):
    """A Sequential of these layers."""
    config = {"name": "s", "layers": [INPUT, *found]}
    return hdf5(folder / "m.h5", json.dumps({"class_name": "Sequential", "config": config}))


def repeated(folder, version="2.15.0"):
    old_hdf5(folder, {"class_name": "RepeatVector", "config": {"name": "r", "n": 40_000_000}})
    with h5py.File(folder / "m.h5", "r+") as file:
        file.attrs["keras_version"] = version
    return "m.h5"


def bytecode(folder):
    import tf_keras

    return tf_keras.layers.Lambda(eval(f"lambda x, y: [x, {touching(folder)}][0]")).get_config()["function"]


def wrapped_bytecode(folder):
    """A cell that holds bytecode under another name than Lambda, which tf_keras runs as well."""
    cell = {"class_name": "SimpleRNNCell", "config": {"units": 4}}
    wrapper = {"cell": cell, "residual_fn": bytecode(folder), "residual_fn_type": "lambda"}
    rnn = {"name": "r", "cell": {"class_name": "ResidualWrapper", "config": wrapper}, "unroll": True}
    reshaped = {"class_name": "Reshape", "config": {"name": "a", "target_shape": [1, 4]}}
    return old_hdf5(folder, reshaped, {"class_name": "RNN", "config": rnn})


def called_exit(folder):
    ended = {"module": "builtins", "class_name": "function", "config": "exit", "registered_name": "function"}
    return old_zip(folder, layer("Dense", units=2, activation=ended))


def blank_lambda(folder):
    """A SavedModel with a blank before the descriptions that name the Lambda, as JSON may have."""
    import tf_keras
    from tf_keras.protobuf import saved_metadata_pb2

    harm = tf_keras.layers.Lambda(eval(f"lambda x: [x, {touching(folder)}][0]"))
    tf_keras.Sequential([tf_keras.layers.InputLayer((4,)), harm]).save(folder / "saved", save_format="tf")
    path = folder / "saved" / "keras_metadata.pb"
    described = saved_metadata_pb2.SavedMetadata.FromString(path.read_bytes())
    for node in described.nodes:
        node.metadata = " " * ("Lambda" in node.metadata) + node.metadata
    path.write_bytes(described.SerializeToString())
    (folder / "executed").unlink(missing_ok=True)
    return "saved"


def pipe(folder, name):
    """A SavedModel that waits for somebody to write."""
    (folder / "saved" / "variables").mkdir(parents=True)
    (folder / "saved" / "saved_model.pb").touch()
    os.mkfifo(folder / "saved" / name)
    return "saved"


INPUT = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "i"}}
KERAS_2 = {
    "a module to import, for Keras 2": (old_module, "uses harm of evil"),
    "a Lambda under another name, for Keras 2": (disguised_lambda, "Lambda layer, whose code would run"),
    "a Lambda spelled by escapes, for Keras 2": (escaped_lambda, "Lambda layer, whose code would run"),
    "a call that writes a file, for Keras 2": (written_file, "as tf.io.write_file"),
    "a call that writes a file, by a dotted name, for Keras 2": (
        lambda f: written_file(f, class_name="core.TFOpLambda", module="tf_keras.src.layers", registered_name=None),
        "uses core.TFOpLambda of tf_keras.src.layers",
    ),
    "a call that writes a file, under a registered name, for Keras 2": (
        lambda f: written_file(f, class_name="Conv2D", module="tf_keras.src.layers.core", registered_name="TFOpLambda"),
        "uses TFOpLambda of tf_keras.src.layers.core",
    ),
    "a Lambda by a dotted name, for Keras 2": (
        lambda f: old_hdf5(f, layer("core.Lambda", "tf_keras.src.layers", function=bytecode(f))),
        "Lambda layer, whose code would run",
    ),
    "a repetition larger than the memory, for Keras 2": (repeated, "numbers of one sample"),
    "a repetition larger than the memory, in HDF5": (lambda f: repeated(f, "3.0.0"), "numbers of one sample"),
    "the bytecode of a cell, for Keras 2": (wrapped_bytecode, "uses ResidualWrapper"),
    "a function of Python, for Keras 2": (called_exit, "uses exit of builtins"),
    **{
        f"the pipe {name} in a SavedModel": (lambda f, n=name: pipe(f, n), "is no file but a pipe")
        for name in ("keras_metadata.pb", "variables/variables.index")
    },
    "a Lambda behind a blank, for Keras 2": (blank_lambda, "Lambda layer, whose code would run"),
}
