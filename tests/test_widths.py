"""Each width is stored as it was asked for, runs, and answers about as the float file does."""

import numpy as np
import pytest

from tests.conftest import SAMPLES, context
from tfopt.conversion.config import FloatConfig
from tfopt.conversion.convert import convert
from tfopt.conversion.sparse_encoding import float_file
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import operations, parameter_counts
from tfopt.runtime.progress import Silent
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files


@pytest.fixture(scope="module")
def made(digits):
    return convert(load_keras(SAMPLES / "digits-cnn.keras"), Silent())


WIDTHS = [
    ({"precision": "int16"}, "INT8", "INT16", 0.02),
    ({"precision": "weights"}, "INT8", "FLOAT32", 0.02),
    ({"precision": "weights", "weights": "int4"}, "INT4", "FLOAT32", 0.4),
    ({"precision": "dynamic", "weights": "int4", "algorithm": "gptq"}, "INT4", "FLOAT32", 0.4),
    ({"precision": "int8", "weights": "int4", "algorithm": "octav"}, "INT4", "INT8", 0.4),
    ({"precision": "int8", "weights": "int4", "algorithm": "mse"}, "INT4", "INT8", 0.5),
    ({"precision": "weights", "weights": "int2"}, "INT2", "FLOAT32", 2.0),
]


@pytest.mark.parametrize(("options", "weights", "activations", "most"), WIDTHS)
def test_a_width_is_what_it_says_and_answers_alike(made, digits, options, weights, activations, most):
    x = {made.inputs[0]: digits.calibration.x}
    [file] = quantize_files(made.artifact, QuantizeConfig(**options), x, Silent())
    heavy = [o for o in operations(file.payload) if o.kind in ("CONV_2D", "FULLY_CONNECTED")]
    kinds = {o.kind for o in operations(file.payload)}
    stored = {c.type for o in operations(file.payload) for c in o.constants if len(c.shape) > 1}
    assert stored == {weights}
    assert {o.output_type for o in heavy} == {activations}
    assert ("DEQUANTIZE" in kinds) == (options["precision"] != "dynamic")
    [before], [after] = (a.outputs({made.inputs[0]: digits.test.x}).values() for a in (made.artifact, file))
    assert np.sqrt(np.mean((before - after) ** 2) / np.mean(before**2)) < most


def test_blocks_have_a_scale_each(made, digits):
    config = QuantizeConfig(precision="dynamic", weights="int4", block=32)
    [file] = quantize_files(made.artifact, config, {}, Silent())
    dense = next(o for o in operations(file.payload) if o.kind == "FULLY_CONNECTED")
    assert "INT4" in {c.type for c in dense.constants}
    [before], [after] = (a.outputs({made.inputs[0]: digits.test.x}).values() for a in (made.artifact, file))
    assert np.mean(before.argmax(1) == after.argmax(1)) > 0.9


def test_unsigned_inputs_and_outputs_are_unsigned(made, digits):
    [file] = quantize_files(made.artifact, QuantizeConfig(io="uint8"), {made.inputs[0]: digits.calibration.x}, Silent())
    assert file.input_types() == ["uint8"]
    before, after = (a.predict(digits.test.x) for a in (made.artifact, file))
    assert np.mean(before.argmax(1) == after.argmax(1)) > 0.97


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "float16", "weights": "int4"}, "`precision` float16"),
        ({"precision": "dynamic", "io": "int8"}, "needs `precision` int8"),
        ({"precision": "int8", "weights": "int3", "algorithm": "minmax"}, "8 of the 16 values"),
        ({"precision": "int16", "algorithm": "gptq"}, "answer wrongly"),
        ({"precision": "weights", "weights": "int4", "block": 32}, "`block` 32 needs `precision` dynamic"),
        ({"precision": "dynamic", "weights": "int4", "block": 32, "algorithm": "mse"}, "one scale a channel"),
        ({"precision": "weights", "weights": "int2", "algorithm": "octav"}, "not there for `weights` int2"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        QuantizeConfig(**options)


@pytest.mark.slow
def test_zeros_are_left_out_of_a_pruned_file_and_of_no_other(digits):
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.techniques.pruning.prune import prune_weights

    dense = load_keras(SAMPLES / "digits-cnn.keras")
    pruned = prune_weights(dense, PruneConfig(sparsity=0.8, schedule="one-shot"), context())
    sparse, plain, _ = float_file(KerasArtifact.from_model(pruned.artifact.model, "p.keras"), FloatConfig(), Silent())
    assert len(sparse.payload) < 0.5 * len(plain.payload)
    assert parameter_counts(sparse.payload) == parameter_counts(plain.payload)
    np.testing.assert_allclose(sparse.predict(digits.test.x), plain.predict(digits.test.x), atol=1e-5)
    assert float_file(dense, FloatConfig(), Silent())[1] is None
    with pytest.raises(UnsupportedError, match="prune it first"):
        float_file(dense, FloatConfig(sparse="on"), Silent())


def test_wide_convolutions_become_dense_layers_with_few_bits_and_that_is_told(digits):
    import keras
    from keras import layers

    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.techniques.quantization.post_training import quantize_after_training

    body = keras.Sequential([keras.Input((8, 8, 128)), layers.Conv2D(16, 3, name="wide")], name="body")
    inputs = keras.Input((8, 8, 1))
    x = body(layers.Conv2D(128, 1, name="narrow")(inputs))
    artifact = KerasArtifact.from_model(
        keras.Model(inputs, layers.Dense(10, name="out")(layers.Flatten()(x))), "m.keras"
    )
    config = QuantizeConfig(precision="dynamic", weights="int4")
    result = quantize_after_training(artifact, config, context(digits))
    assert [(change.layer, change.kind) for change in result.layers] == [
        ("narrow", "Conv2D"), ("body/wide", "Conv2D"), ("out", "Dense")
    ]  # fmt: skip
    assert any("as dense layers on patches" in note and "body/wide" in note for note in result.notes)
    kinds = [operation.kind for operation in operations(result.artifact.payload)]
    assert kinds.count("CONV_2D") == 1
