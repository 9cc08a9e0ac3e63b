"""The integers in a file are those that were chosen, for every kind of kernel that LiteRT has with few bits."""

import keras
import numpy as np
import pytest
from keras import layers

from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.stored_weights import StoredWeights
from tfopt.graph.kernels import find_kernels, to_kernel, to_matrix
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.exact_weights import stored_narrow, with_exact_weights
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.sensitivity import layers_of
from tfopt.techniques.quantization.variant import Variant
from tfopt.techniques.quantization.widths import LEAST, is_unpacked, operation_of
from tfopt.techniques.rounding.levels import LIMITS

LAYERS = {
    "FULLY_CONNECTED": (layers.Dense(6, name="layer"), (20,)),
    "CONV_2D": (layers.Conv2D(6, 3, strides=2, padding="same", name="layer"), (7, 8, 4)),
    "DEPTHWISE_CONV_2D": (layers.DepthwiseConv2D(3, depth_multiplier=2, name="layer"), (7, 8, 4)),
    "TRANSPOSE_CONV": (layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="layer"), (7, 8, 4)),
}
CASES = [
    (kind, precision, bits)
    for kind in LAYERS
    for precision in ("int8", "int16", "dynamic", "weights")
    for bits in (4, 2)
    if bits >= LEAST[precision][kind]
]


def on_grid(kind, bits):
    """A model of one layer whose channels use all integers but the largest, which is what min-max goes by."""
    layer, shape = LAYERS[kind]
    inputs, layer = keras.Input(shape), type(layer).from_config(layer.get_config())
    model = keras.Model(inputs, layer(inputs))
    rng = np.random.default_rng(0)
    [kernel] = find_kernels(layer)
    weight = layer.weights[kernel.position]
    low, high = LIMITS[f"int{bits}"]
    matrix = to_matrix(weight.numpy(), kernel.axes)
    chosen = rng.integers(low, high, size=matrix.shape)
    chosen[0], chosen[1] = low, high - 1
    scale = rng.uniform(0.01, 1, matrix.shape[1])
    weight.assign(to_kernel(chosen * scale, tuple(weight.shape), kernel.axes))
    layer.bias.assign(rng.normal(size=layer.bias.shape))
    return model, rng.normal(size=(40, *shape)).astype("float32")


@pytest.fixture(scope="module")
def float_files():
    made = {}

    def make(kind, bits):
        if (kind, bits) not in made:
            model, x = on_grid(kind, bits)
            made[kind, bits] = model, x, convert(KerasArtifact.from_model(model, "m.keras"), Silent())
        return made[kind, bits]

    return make


@pytest.mark.parametrize(("kind", "precision", "bits"), CASES)
def test_what_a_table_says_can_be_computed_is_stored_exactly_and_answers_right(float_files, kind, precision, bits):
    model, x, source = float_files(kind, bits)
    config = QuantizeConfig(precision=precision, weights=f"int{bits}", algorithm="minmax")
    names = [name for layer in layers_of(model, source.artifact) for name in layer.ids]
    unpacked = is_unpacked(precision, kind, f"int{bits}")
    variant = Variant(widths={} if unpacked else {bits: names})
    [plain] = quantize_files(source.artifact, config, {source.inputs[0]: x}, Silent(), [variant])
    payload, exact = with_exact_weights(plain.payload, source.artifact.payload)
    assert list(exact.values()) == [True]
    payload = stored_narrow(payload, dict.fromkeys(exact, f"int{bits}") if unpacked else {})
    [(name, stored)] = StoredWeights(payload).read().items()
    assert stored.bits == bits
    kernel = StoredWeights(source.artifact.payload).floats()[name]
    np.testing.assert_allclose(stored.values, kernel, rtol=1e-6, atol=1e-7)
    low, _ = LIMITS[f"int{bits}"]
    assert stored.chosen.min() == low
    assert unpacked or np.abs(StoredWeights(plain.payload).read()[name].values - kernel).max() > 0.01
    wanted, found = model.predict(x, verbose=0), TfliteArtifact("m.tflite", payload).predict(x)
    most = {"int8": 0.03, "int16": 3e-4, "dynamic": 0.03, "weights": 1e-5}[precision]
    assert np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted**2)) < most


def test_each_layer_of_the_table_is_the_operation_that_it_says():
    for kind, (layer, shape) in LAYERS.items():
        layer(keras.Input(shape))
        assert operation_of(layer, find_kernels(layer)[0]) == kind


def test_a_channel_of_zeros_stays_one_and_keeps_its_bias():
    layer, shape = layers.Dense(3, name="zeros"), (5,)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layer(inputs))
    layer.kernel.assign(np.array([[0, 1, -2]] * 5) * 0.1)
    layer.bias.assign([0.5, -0.3, 0.02])
    x = np.random.default_rng(0).normal(size=(30, 5)).astype("float32")
    source = convert(KerasArtifact.from_model(model, "m.keras"), Silent())
    config = QuantizeConfig(weights="int4", algorithm="minmax")
    [plain] = quantize_files(source.artifact, config, {source.inputs[0]: x}, Silent())
    payload, _ = with_exact_weights(plain.payload, source.artifact.payload)
    found = TfliteArtifact("m.tflite", payload).predict(x)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=0.02)


def test_weights_on_no_grid_are_left_as_they_are_and_told(digits):
    model, _ = on_grid("FULLY_CONNECTED", 4)
    model.layers[-1].kernel.assign(np.random.default_rng(0).normal(size=(20, 6)))
    source = convert(KerasArtifact.from_model(model, "m.keras"), Silent())
    config = QuantizeConfig(precision="weights", weights="int4", algorithm="minmax")
    [plain] = quantize_files(source.artifact, config, {}, Silent())
    payload, exact = with_exact_weights(plain.payload, source.artifact.payload)
    assert payload == plain.payload
    assert list(exact.values()) == [False]
