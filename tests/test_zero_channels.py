"""Output channels without weights keep their bias in files of integers."""

import keras
import numpy as np
import pytest
from keras import layers

from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files


@pytest.mark.parametrize("precision", ["int8", "int16"])
@pytest.mark.parametrize("start", ["zeros", "ones"])
def test_a_layer_that_answers_nothing_yet_runs(start, precision):
    inputs = keras.Input((24, 2))
    linear = layers.Conv1D(4, 24, kernel_initializer="zeros", bias_initializer=start)(inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(linear)))
    x = np.random.default_rng(0).normal(size=(30, 24, 2)).astype("float32")
    source = convert(KerasArtifact.from_model(model, "m.keras"), Silent())
    [file] = quantize_files(source.artifact, QuantizeConfig(precision=precision), {source.inputs[0]: x}, Silent())
    np.testing.assert_allclose(file.predict(x), model.predict(x, verbose=0), atol=0.03)


@pytest.mark.parametrize("options", [{}, {"weights": "int4", "algorithm": "minmax"}, {"precision": "int16"}])
@pytest.mark.parametrize("zeros", [[0], [0, 1, 2]])
@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_channels_of_zeros_keep_their_bias(kind, zeros, options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 2) if kind == "convolution" else (5,))
    layer = layers.Conv2D(3, 3) if kind == "convolution" else layers.Dense(3)
    model = keras.Model(inputs, layer(inputs))
    kernel = layer.kernel.numpy()
    kernel[..., zeros] = 0
    layer.kernel.assign(kernel)
    layer.bias.assign([0.5, -0.3, 0.02])
    x = np.random.default_rng(0).normal(size=(30, *inputs.shape[1:])).astype("float32")
    source = convert(KerasArtifact.from_model(model, "m.keras"), Silent())
    [file] = quantize_files(source.artifact, QuantizeConfig(**options), {source.inputs[0]: x}, Silent())
    found, wanted = file.predict(x), model.predict(x, verbose=0)
    np.testing.assert_allclose(found[..., zeros], wanted[..., zeros], atol=0.02)
    assert np.abs(found - wanted).max() < (0.5 if "weights" in options else 0.05)
