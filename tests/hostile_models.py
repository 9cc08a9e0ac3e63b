"""Models made to do harm: how each is made, and words of the sentence that refuses it."""

import io
import json
import os
import stat
import struct
import warnings
import zipfile

import h5py
import keras
import numpy as np

from tests.conftest import SAMPLES

SAMPLE = (SAMPLES / "digits-cnn.keras").read_bytes()


def keras_file(path, change=lambda members: None, extra=()):
    """The sample CNN with members that `change` has changed, and further ones (ZipInfo or name, content)."""
    with zipfile.ZipFile(io.BytesIO(SAMPLE)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    change(members)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore", UserWarning)  # of duplicate names
        for name, content in [*members.items(), *extra]:
            archive.writestr(name, content)
    return path.name


def layers(*found, shape=(4,), **more):
    """The members of a Sequential of these layers; its weights file is that of the sample unless `more` says."""
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": "float32", "name": "i"}}
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "s", "layers": [{"module": "keras.layers", "registered_name": None, **first}, *found]},
        "registered_name": None,
    }

    def change(members):
        members["config.json"] = json.dumps(config).encode()
        members.pop("tfopt.json")
        members.update(more)

    return change


def layer(kind, module="keras.layers", **config):
    return {"module": module, "class_name": kind, "config": {"name": "harm"} | config, "registered_name": None}


def weights(fill):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


def weighing(folder, fill):
    """A Dense layer with the weights file that `fill` has filled."""
    return keras_file(folder / "m.keras", layers(layer("Dense", units=2), **{"model.weights.h5": weights(fill)}))


def large_chunk(file):
    values = file.create_dataset("a", (4,), "u1", maxshape=(None,), chunks=(10**9,), compression="gzip")
    values[:] = 1


def symlink(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def touching(folder):
    """Python that leaves a mark in `folder`, if it is ever run."""
    return f"__import__('pathlib').Path({str(folder / 'executed')!r}).touch()"


def evil_module(folder, name):
    (folder / f"{name}.py").write_text(touching(folder))


def lambda_layer(folder):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(eval(f"lambda x: [x, {touching(folder)}][0]"))])
    model.save(folder / "m.keras")
    (folder / "executed").unlink(missing_ok=True)
    return "m.keras"


def pickled(folder):
    class Harm:
        def __reduce__(self):
            return exec, (touching(folder),)

    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([Harm()], object))
    return buffer.getvalue()


def pickled_weights(folder):
    def change(members):
        del members["model.weights.h5"]
        members["model.weights.npz"] = pickled(folder)

    return keras_file(folder / "m.keras", change)


def imports(folder, module):
    evil_module(folder, module.split(".")[0])
    return keras_file(folder / "m.keras", layers(layer("Harm", module)))


def many_layers(folder):
    relu = {"class_name": "Activation", "config": {"activation": "relu"}, "module": "keras.layers"}
    return keras_file(folder / "m.keras", layers(*[relu] * 150_000))


def attending(folder):
    """Every one of 20,000 tokens to every other."""
    tokens = keras.Input((20_000, 1))
    keras.Model(tokens, keras.layers.Attention()([tokens, tokens])).save(folder / "m.keras")
    return "m.keras"


def unrolled(folder):
    keras.Sequential([keras.Input((10**7, 1)), keras.layers.SimpleRNN(1, unroll=True)]).save(folder / "m.keras")
    return "m.keras"


def tflite(folder, change):
    """The sample CNN as a .tflite file, as an object of its flatbuffer that `change` has changed."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    from tests.samples_as_tflite import floats

    model = schema.ModelT.InitFromPackedBuf(floats("digits-mlp.keras"), 0)
    change(model)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    (folder / "m.tflite").write_bytes(bytes(builder.Output()))
    return "m.tflite"


def retyped(number):
    def change(model):
        model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].type = number

    return change


def huge_arena(model):
    for tensor in model.subgraphs[0].tensors:
        if model.buffers[tensor.buffer].data is None:
            tensor.shape = np.array([1, 40_000, 50_000], np.int32)
            tensor.shapeSignature = None


def memory(**more):
    def change(members):
        members["tfopt.json"] = json.dumps(json.loads(members["tfopt.json"]) | more).encode()

    return change


def remembers(source):
    with zipfile.ZipFile(io.BytesIO(SAMPLE)) as members:
        return memory(data=json.loads(members.read("tfopt.json"))["data"] | {"source": source})


def lying(path, name, compression):
    """A zip whose member `name` says that it holds 100 bytes, and unpacks to 10 MB."""
    keras_file(path, lambda members: members.pop(name))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, bytes(10**7), compression)
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        content[(found := content.rindex(signature)) + place : found + place + 4] = struct.pack("<I", 100)
    path.write_bytes(content)
    return path.name


def nested(file):
    for _ in range(3_000):
        file = file.create_group("g")


ZEROS = bytes(10**9)
MODELS = {
    "a path that climbs": (lambda f: keras_file(f / "m.keras", extra=[("../executed", b"x")]), "leads out of the zip"),
    "a path that climbs on Windows": (
        lambda f: keras_file(f / "m.keras", extra=[("assets\\..\\..\\executed", b"x")]),
        "leads out of the zip",
    ),
    "an absolute path": (
        lambda f: keras_file(f / "m.keras", extra=[(str(f / "executed"), b"x")]),
        "leads out of the zip",
    ),
    "a symbolic link": (
        lambda f: keras_file(f / "m.keras", extra=[(symlink("assets"), str(f)), ("assets/executed", b"x")]),
        "a symbolic link",
    ),
    "a bomb in a member nobody reads": (
        lambda f: keras_file(f / "m.keras", extra=[("assets/zeros", ZEROS)]),
        "would swell",
    ),
    "a bomb as the configuration": (
        lambda f: keras_file(f / "m.keras", lambda members: members.update({"config.json": ZEROS})),
        "would swell",
    ),
    "a bomb as the metadata": (
        lambda f: keras_file(f / "m.keras", lambda members: members.update({"metadata.json": ZEROS})),
        "would swell",
    ),
    "two configurations": (
        lambda f: keras_file(f / "m.keras", extra=[("config.json", b"{}")]),
        "'config.json' twice",
    ),
    "a layer larger than the memory": (
        lambda f: keras_file(f / "m.keras", layers(layer("Dense", units=10**12))),
        "declares layers with more than",
    ),
    "layers that are only just too large": (
        lambda f: keras_file(
            f / "m.keras", layers(layer("Dense", units=30_000), layer("Dense", units=30_000, name="harm2"))
        ),
        "declares layers with more than",
    ),
    "an input larger than the memory": (
        lambda f: keras_file(f / "m.keras", layers(shape=(10**6, 10**6))),
        "declares a shape",
    ),
    "an input of 100,000 axes": (lambda f: keras_file(f / "m.keras", layers(shape=(9,) * 100_000)), "100,001 axes"),
    "a normalization of such an input": (
        lambda f: keras_file(f / "m.keras", layers(layer("Normalization", mean=0.0, variance=1.0), shape=(10**10,))),
        "declares a shape",
    ),
    "a repetition larger than the memory": (
        lambda f: keras_file(f / "m.keras", layers(layer("RepeatVector", n=10**10))),
        "numbers of one sample",
    ),
    "a matrix inside a layer larger than the memory": (
        lambda f: keras_file(
            f / "m.keras",
            layers(layer("MelSpectrogram", fft_length=2**12, num_mel_bins=8, sequence_stride=1), shape=(2**17,)),
        ),
        "numbers of one sample",
    ),
    "attention larger than the memory": (attending, "numbers of one sample"),
    "thousands of groups in each other": (
        lambda f: keras_file(f / "m.keras", layers(layer("Dense", units=2), **{"model.weights.h5": weights(nested)})),
        "more than 100 groups of weights in each other",
    ),
    "a window larger than the memory": (
        lambda f: keras_file(
            f / "m.keras", layers(layer("MaxPooling1D", pool_size=10**9, padding="same"), shape=(4, 4))
        ),
        "declares a shape of more than 1,000,000 elements",
    ),
    "a spectrogram larger than the memory": (
        lambda f: keras_file(
            f / "m.keras", layers(layer("STFTSpectrogram", frame_length=10**9, fft_length=2**30), shape=(16,))
        ),
        "a spectrogram that needs a matrix",
    ),
    "a vocabulary that repeats a word": (
        lambda f: keras_file(f / "m.keras", memory(vectorizer={"words": "a\na", "length": 3})),
        "its tfopt.json is damaged",
    ),
    "half a memory of a translation": (
        lambda f: keras_file(f / "m.keras", memory(target_vectorizer={"words": "a\nb", "length": 3})),
        "its tfopt.json is damaged",
    ),
    "a loop without an end": (unrolled, "unrolled over 10,000,000 steps"),
    "150,000 layers": (many_layers, "took longer than"),
    "a configuration of 100,000 brackets": (
        lambda f: keras_file(f / "m.keras", lambda m: m.update({"config.json": b"[" * 10**5 + b"]" * 10**5})),
        "is no JSON",
    ),
    "weights that are a bomb": (
        lambda f: weighing(
            f,
            lambda file: file.create_dataset(
                "layers/dense/vars/0", (10**6, 900), "f4", chunks=(1000, 900), compression="gzip"
            ),
        ),
        "would swell",
    ),
    "weights that are a link to a file": (
        lambda f: weighing(f, lambda file: file.update({"layers": h5py.ExternalLink("/etc/passwd", "/")})),
        "holds a link",
    ),
    "weights whose values lie elsewhere": (
        lambda f: weighing(f, lambda file: file.create_dataset("a", (9,), "u1", external=[("/etc/passwd", 0, 9)])),
        "from another file",
    ),
    "weights in one chunk that is a bomb": (lambda f: weighing(f, large_chunk), "would swell"),
    "weights without a fixed size": (
        lambda f: weighing(f, lambda file: file.create_dataset("a", data=["b"], dtype=h5py.string_dtype())),
        "without a fixed size",
    ),
    "a type among the weights": (lambda f: weighing(f, lambda file: file.update({"a": np.dtype("f4")})), "neither"),
    "the bytecode of a Lambda": (lambda_layer, "Lambda layer, whose code would run"),
    "a pickle as weights": (pickled_weights, "without model.weights.h5"),
    "a module to import": (lambda f: imports(f, "evil"), "uses Harm"),
    "a module to import that calls itself Keras": (lambda f: imports(f, "keras_cv.harm"), "would be imported"),
    "a module to import that calls itself KerasHub": (lambda f: imports(f, "keras_hub.harm"), "KerasHub"),
    "a function of Keras that loads files": (
        lambda f: keras_file(
            f / "m.keras",
            layers(layer("Dense", units=2, activation=layer("function", "keras.utils") | {"config": "get_file"})),
        ),
        "cannot be loaded by Keras",
    ),
    "a vocabulary in a file": (
        lambda f: keras_file(f / "m.keras", layers(layer("StringLookup", vocabulary="/etc/passwd"))),
        "from the file '/etc/passwd'",
    ),
    "a name that writes to the terminal": (
        lambda f: keras_file(f / "m.keras", layers(layer("Dense", units=2) | {"config": {"name": "\x1b]0;x\x07"}})),
        "cannot be printed",
    ),
    **{
        f"a .tflite whose input is of type {number}": (lambda f, n=number: tflite(f, retyped(n)), "m.tflite")
        for number in (4, 10)
    },
    "a .tflite larger than the memory": (lambda f: tflite(f, huge_arena), "m.tflite"),
    "data that would be downloaded as code": (
        lambda f: keras_file(f / "m.keras", remembers("tfds:somebody:harm")),
        "downloads code and runs it",
    ),
    "data that are a device": (
        lambda f: (
            (f / "zero.csv").symlink_to("/dev/zero"),
            keras_file(f / "m.keras", remembers(str(f / "zero.csv"))),
        )[1],
        "zero.csv is no file but a folder, a device",
    ),
    "a member that unpacks to more than it declares": (
        lambda f: lying(f / "m.keras", "config.json", zipfile.ZIP_LZMA),
        "compressed in a way that no writer of models uses",
    ),
    "a pipe that nobody writes into": (lambda f: os.mkfifo(f / "m.keras") or "m.keras", "a device, a pipe"),
}
