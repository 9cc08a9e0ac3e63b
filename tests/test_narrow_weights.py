"""Weights of 4 and 2 bits in a file: the bytes, and the same answers whatever operation takes them."""

import keras
import numpy as np
import pytest
from keras import layers

from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.formats.tflite.narrow_weights import Grid, narrow_weights
from tfopt.formats.tflite.packed_integers import pack_integers
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.runtime.progress import Silent
from tfopt.techniques.qat.file_tensors import find_kernels_in_file, steps_of_multiples
from tfopt.techniques.qat.learned_kernels import learned_kernels
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files

RNG = np.random.default_rng(0)


def test_integers_are_packed_from_the_lowest_bits_on_and_the_last_byte_is_filled_up():
    assert pack_integers(np.array([1, -1, 0, 1, -1], np.int8), bits=2).tolist() == [0b01001101, 0b11]
    assert pack_integers(np.array([-8, 7, 3], np.int8), bits=4).tolist() == [0x78, 0x03]


def test_steps_are_found_whatever_the_sign_of_a_channel_and_nothing_is_found_in_other_weights():
    integers = np.array([[1, -2, 3], [0, 0, 0], [1, 1, -1]])
    steps = steps_of_multiples(integers * np.array([[0.25], [9], [-2]]), integers)
    np.testing.assert_allclose(steps, [0.25, 2, 2])  # of a channel of zeros any will do
    assert steps_of_multiples(integers * 0.25 + 0.01, integers) is None
    assert steps_of_multiples(np.zeros((3, 3)), integers) is None


def every_kind():
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2DTranspose(4, 3, strides=2)(layers.DepthwiseConv2D(3)(x))
    x = layers.LSTM(6)(layers.Reshape((13, 52))(x))
    return keras.Model(inputs, layers.Dense(5)(x))


@pytest.fixture(scope="module")
def wide():
    """A file of 8-bit integers from -1 to 1, what it is fed, and the steps of its weights by the names of tensors."""
    keras.utils.set_random_seed(0)
    model = every_kind()
    layers_with_kernels = [name for name, layer in named_layers(model) if find_kernels(layer)]
    kernels = learned_kernels(model, dict.fromkeys(layers_with_kernels, 2), clusters=False)
    for kernel in kernels:
        kernel.weight.assign(kernel.values())
    x = RNG.normal(size=(16, 8, 8, 4)).astype("float32")
    made = convert(KerasArtifact.from_model(model, "m.keras"), Silent(), calibration=[x])
    stored = find_kernels_in_file(made.artifact.payload, kernels)
    assert {one.layer for one in stored.values()} == {kernel.layer for kernel in kernels}
    known = {n: (np.float32(-127 * s.grid.steps), np.float32(127 * s.grid.steps)) for n, s in stored.items()}
    feeds = {made.inputs[0]: x}
    [file] = quantize_files(made.artifact, QuantizeConfig(), feeds, Silent(), known=known)
    return file, feeds, {name: one.grid.steps for name, one in stored.items()}


@pytest.mark.parametrize(("bits", "kind"), [(4, "INT4"), (3, "INT4"), (2, "INT2")])
def test_a_file_of_narrow_weights_answers_as_that_of_wide_ones_whatever_takes_them(wide, bits, kind):
    file, feeds, steps = wide
    payload = narrow_weights(file.payload, {name: Grid(bits, own) for name, own in steps.items()})
    kept = [c for o in operations(payload) for c in o.constants if c.name in steps]
    assert len(kept) == len(steps) == 12  # eight of them those of the LSTM, which LiteRT Quantizer leaves in float
    assert {constant.type for constant in kept} == {kind}
    assert max(constant.distinct() for constant in kept) == 3
    [before], [after] = (one.outputs(feeds).values() for one in (file, TfliteArtifact("narrow", payload)))
    assert np.sqrt(np.mean((after - before) ** 2)) <= 0.03 * np.abs(before).max()  # LiteRT's kernels round differently
    assert len(payload) < len(file.payload)


def test_of_weights_without_a_grid_nothing_is_changed(wide):
    file, _, _ = wide
    types = [
        [(c.name, c.type) for o in operations(p) for c in o.constants]
        for p in (file.payload, narrow_weights(file.payload, {}))
    ]
    assert types[0] == types[1]
