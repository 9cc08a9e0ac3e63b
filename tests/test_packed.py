"""Layers that store bits: what is written, what is read, and how Keras finds them."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from keras import layers

from tests import zoo
from tfopt.errors import InputError
from tfopt.formats.equivalence import output_arrays
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.kernels import find_kernels, to_kernel, to_matrix
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs
from tfopt.techniques.binarization.layer_plan import Plan
from tfopt.techniques.binarization.packed_layer import Packed, packed
from tfopt.techniques.rounding.levels import codes
from tfopt.techniques.rounding.scales import scales


def rounded(model, levels):
    """A copy of the model with every kernel rounded, and the plan that says so."""
    copy = rebuild(model, "model")
    plan = Plan()
    for name, layer in named_layers(copy):
        for kernel in find_kernels(layer):
            weight = layer.weights[kernel.position]
            matrix = to_matrix(weight.numpy(), kernel.axes)
            values = "int8" if kernel.depthwise else levels
            scale = scales(matrix, values).astype("float32")
            weight.assign(to_kernel(codes(matrix, scale, values) * scale, tuple(weight.shape), kernel.axes))
            plan.levels[name] = levels
    return copy, plan


@pytest.mark.parametrize("levels", ["binary", "ternary", "int8"])
@pytest.mark.parametrize("build", [*zoo.CLASSIFIERS, *zoo.OTHERS], ids=lambda build: build.__name__)
def test_a_saved_model_answers_bit_by_bit_as_the_one_in_memory(build, levels, tmp_path):
    model, plan = rounded(build(), levels)
    path = tmp_path / "packed.keras"
    packed(model, plan.levels, "model").save(path)
    inputs = random_inputs(model)
    for before, after in zip(
        output_arrays(call(model, inputs)), output_arrays(call(keras.saving.load_model(path), inputs)), strict=True
    ):
        np.testing.assert_array_equal(before, after)


def test_a_binary_weight_takes_a_bit_and_nothing_is_written_twice():
    inputs = keras.Input((512,))
    model, plan = rounded(keras.Model(inputs, layers.Dense(1000, use_bias=False)(inputs)), "binary")
    payload = KerasArtifact.from_model(packed(model, plan.levels, "model"), "m.keras").payload
    assert 512 * 1000 / 8 + 4 * 1000 < len(payload) < 512 * 1000 / 8 + 4 * 1000 + 20_000


def test_values_that_are_not_binary_are_not_written_as_such(tmp_path):
    inputs = keras.Input((16,))
    model, plan = rounded(keras.Model(inputs, layers.Dense(4)(inputs)), "binary")
    result = packed(model, plan.levels, "model")
    result.layers[-1].layer.kernel.assign(np.arange(64.0).reshape(16, 4))
    with pytest.raises(ValueError, match="has other values than binary weights have"):
        result.save(tmp_path / "m.keras")


def test_inference_is_as_fast_as_that_of_plain_layers(timed):
    from tfopt.evaluation.latency import interleaved

    inputs = keras.Input((1024,))
    x = layers.Dense(1024, activation="relu")(layers.Dense(1024, activation="relu")(inputs))
    model, plan = rounded(keras.Model(inputs, x), "binary")
    both = [KerasArtifact.from_model(each, "m.keras") for each in (model, packed(model, plan.levels, "model"))]
    sample = [np.ones((1, 1024), np.float32)]
    times = interleaved([artifact.runner(sample) for artifact in both], lambda *_: None)
    assert np.median(times[:, 1] / times[:, 0]) < 1.1


ORDERS = (
    "import tfopt; import keras",
    "import keras; import tfopt",
    "import importlib.util, tfopt; importlib.util.find_spec('keras'); import keras",
    "import tfopt; import tensorflow; import keras",
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    inputs = keras.Input((8,))
    model, plan = rounded(keras.Model(inputs, layers.Dense(4)(inputs)), "binary")
    path = tmp_path_factory.mktemp("packed") / "packed.keras"
    packed(model, plan.levels, "model").save(path)
    return path


@pytest.mark.parametrize("order", ORDERS)
def test_keras_loads_it_once_tfopt_was_imported_before_or_after(file, order):
    code = f"{order}; model = keras.saving.load_model({str(file)!r}); assert type(model.layers[1]).__name__ == 'Packed'"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("change", [b"x", b""])
def test_a_damaged_file_is_one_sentence(file, tmp_path, change):
    import h5py

    path = tmp_path / "m.keras"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == "model.weights.h5":
                weights = tmp_path / "w.h5"
                weights.write_bytes(content)
                with h5py.File(weights, "a") as store:
                    group = store["layers/packed/vars"]
                    del group["0"]
                    if change:
                        group["0"] = np.zeros(99, np.uint8)
                content = weights.read_bytes()
            target.writestr(member, content)
    with pytest.raises(InputError, match=r"m.keras cannot be loaded"):
        KerasArtifact.load(path)


def test_the_layer_inside_is_not_trained():
    assert not Packed(layers.Dense(3), {}).trainable_weights
