"""Every kind of model becomes a file that answers as Keras does, in the plain interpreter."""

import keras
import numpy as np
from keras import layers

from tests import zoo
from tfopt.conversion import convert as converting
from tfopt.conversion.config import ConvertConfig
from tfopt.conversion.convert import convert
from tfopt.errors import ConversionError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.graph.random_inputs import random_inputs
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.recipes import loops_in


def gru():
    return keras.Sequential([keras.Input((6, 5)), layers.GRU(8), layers.Dense(3)])


def converted(model, config=None, **options):
    artifact = KerasArtifact.from_model(model, "m.keras")
    arrays = [tensor.numpy() for tensor in random_inputs(artifact.model, batch=8)]
    return convert(artifact, Silent(), config, calibration=arrays, **options), arrays


def kinds(artifact):
    return {operation.kind for operation in operations(artifact.payload)}


def test_an_lstm_becomes_the_kernel_of_litert_and_the_converter_makes_it_integer():
    made, arrays = converted(zoo.lstm(), static="int8")
    assert made.lowering == "fused"
    assert "UNIDIRECTIONAL_SEQUENCE_LSTM" in kinds(made.artifact)
    feeds = dict(zip(made.inputs, arrays, strict=True))
    [before], [after] = made.artifact.outputs(feeds).values(), made.converter.outputs(feeds).values()
    np.testing.assert_allclose(after, before, atol=0.05)
    lstm = next(o for o in operations(made.converter.payload) if "LSTM" in o.kind)
    assert {c.type for c in lstm.constants if len(c.shape) == 2} == {"INT8"}


def test_a_gru_becomes_a_loop_whose_weights_are_quantized_and_whose_ends_are_left():
    made, arrays = converted(gru(), static="int8")
    assert (made.lowering, made.converter) == ("fused", None)
    feeds = dict(zip(made.inputs, arrays, strict=True))
    [file] = quantize_files(made.artifact, QuantizeConfig(io="int8"), feeds, Silent())
    assert file.input_types() == ["int8"]
    inside = {c.type for o in operations(file.payload) if o.in_loop for c in o.constants if len(c.shape) == 2}
    assert inside == {"INT8"}
    assert loops_in(file.payload).operations
    [before], [after] = made.artifact.outputs(feeds).values(), file.outputs(feeds).values()
    np.testing.assert_allclose(after, before, atol=0.05 * np.abs(before).max())


def test_the_next_lowering_is_tried_when_one_fails(monkeypatch):
    real, tried = converting.run_converter, []

    def failing(target, folder, job, *arrays, **more):
        tried.append(job.lowering)
        if job.lowering != "unrolled":
            raise ConversionError(f"{job.lowering} failed")
        real(target, folder, job, *arrays, **more)

    monkeypatch.setattr(converting, "run_converter", failing)
    made, _ = converted(gru())
    assert tried == ["fused", "loop", "unrolled"]
    assert made.lowering == "unrolled"
    assert "WHILE" not in kinds(made.artifact)
    assert made.error < 1e-4


def test_several_inputs_and_outputs_keep_their_names():
    made, arrays = converted(zoo.two_in_two_out())
    assert made.inputs == ["left", "right"]
    found = made.artifact.outputs({"right": arrays[1], "left": arrays[0]})
    assert sorted(found) == ["a", "b"]
    assert [found[name].shape for name in ("a", "b")] == [(8, 3), (8, 2)]


def test_batch_and_length_can_be_fixed():
    model = keras.Sequential([keras.Input((None, 4)), layers.Conv1D(3, 2), layers.GlobalAveragePooling1D()])
    made, _ = converted(model, ConvertConfig(batch=2, length=32))
    assert made.artifact.input_shapes() == [(2, 32, 4)]
    x = np.random.default_rng(0).normal(size=(5, 32, 4)).astype("float32")
    np.testing.assert_allclose(made.artifact.predict(x), np.asarray(model(x)), atol=1e-5)


def test_a_recurrent_file_answers_the_same_whatever_came_before():
    made, [x] = converted(zoo.lstm())
    np.testing.assert_array_equal(made.artifact.predict(x)[3], made.artifact.predict(x[3:4])[0])


def test_more_than_ten_outputs_keep_their_order():
    inputs = keras.Input((3,))
    made, _ = converted(keras.Model(inputs, [layers.Dense(size)(inputs) for size in range(1, 13)]))
    outputs = made.artifact.outputs({made.inputs[0]: np.ones((2, 3), "float32")})
    assert [value.shape for value in outputs.values()] == [(2, size) for size in range(1, 13)]


def test_differences_of_nearly_equal_numbers_stay_in_float():
    """The mean of one channel is that channel: what its normalization computes is lost in integers of 8 bits."""
    inputs = keras.Input((10, 1))
    x = layers.LayerNormalization(epsilon=1e-6)(inputs)
    x = layers.Flatten()(layers.Dense(6)(layers.Concatenate()([x, inputs])))
    made, arrays = converted(keras.Model(inputs, layers.Dense(3)(x)), static="int8")
    feeds = {made.inputs[0]: 3 * arrays[0]}
    [file] = quantize_files(made.artifact, QuantizeConfig(), feeds, Silent())
    [before], [after] = made.artifact.outputs(feeds).values(), file.outputs(feeds).values()
    assert np.sqrt(np.mean((before - after) ** 2) / np.mean(before**2)) < 0.05
    float_sums = [o for o in operations(file.payload) if o.kind in ("ADD", "SUB") and o.output_type == "FLOAT32"]
    assert float_sums


def test_a_converter_that_dies_after_the_float_file_leaves_that(monkeypatch):
    def dies(target, folder, job, *arrays, **more):
        real(target, folder, job.model_copy(update={"static": None}), *arrays, **more)
        raise ConversionError("it crashed")

    real = converting.run_converter
    monkeypatch.setattr(converting, "run_converter", dies)
    made, _ = converted(zoo.conv1d(), static="int8")
    assert made.converter is None
    assert made.artifact.payload


def test_augmentation_inside_of_a_model_is_off_in_the_file():
    inputs = keras.Input((8, 8, 1))
    x = layers.RandomRotation(0.5)(layers.RandomFlip()(inputs))
    made, _ = converted(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x))))
    assert made.error < 1e-5
