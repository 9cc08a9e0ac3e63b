"""What a `.tflite` file takes and gives: one sample at a time where it is integers or a C array, and their scales."""

import re

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from tests.conftest import context
from tfopt.conversion.c_array import c_array
from tfopt.core.recipe import Outputs, Recipe
from tfopt.core.recipe import Step as RecipeStep
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.qat import quantize_aware
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import quantize_after_training

OF_FREE_SIZES = {"SHAPE", "STRIDED_SLICE", "PACK", "DEQUANTIZE", "QUANTIZE"}


@pytest.fixture(scope="module")
def flat():
    """A net whose Flatten asks for the size of the batch where that is free."""
    keras.utils.set_random_seed(0)
    body = [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    model = keras.Sequential([keras.Input((8, 8, 1)), *body, layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return KerasArtifact.from_model(model, "flat.keras")


@pytest.fixture(scope="module")
def integers(flat, digits):
    return quantize_after_training(flat, QuantizeConfig(io="int8", max_drop=0.9), context(digits))


def kinds(outcome):
    return {operation.kind for operation in operations(outcome.artifact.payload)}


def test_a_file_of_integers_takes_one_sample_and_computes_no_sizes(integers):
    assert kinds(integers) & OF_FREE_SIZES == set()
    assert integers.artifact.input_shapes() == [(1, 8, 8, 1)]
    assert any("1 sample at a time" in note and "`batch`" in note for note in integers.notes)


def test_another_batch_can_be_asked_for(flat, digits):
    found = quantize_after_training(flat, QuantizeConfig(io="int8", batch=4, max_drop=0.9), context(digits))
    assert found.artifact.input_shapes() == [(4, 8, 8, 1)]
    assert kinds(found) & OF_FREE_SIZES == set()


@pytest.mark.parametrize(("asked", "size"), [pytest.param(None, 1, marks=pytest.mark.slow), (2, 2)])
def test_training_for_integers_takes_a_batch_too(flat, digits, asked, size):
    config = QatConfig(io="int8", epochs=1, batch=asked, max_drop=0.9)
    found = quantize_aware(flat, config, context(digits))
    assert found.artifact.input_shapes() == [(size, 8, 8, 1)]
    assert kinds(found) & OF_FREE_SIZES == set()
    assert any(f"{size} sample" in note and "at a time" in note for note in found.notes)


def test_the_ports_of_a_file_are_what_the_interpreter_says(integers):
    interpreter = Interpreter(model_content=integers.artifact.payload)
    for side, details in (("input", interpreter.get_input_details()), ("output", interpreter.get_output_details())):
        [port], [detail] = integers.artifact.ports(side), details
        assert (port.shape, port.dtype) == (list(detail["shape"]), "int8")
        assert (port.scale, port.zero_point) == tuple(map(float, detail["quantization"]))
    assert integers.artifact.ports("output")[0].scale == pytest.approx(1 / 256)


def test_ports_come_in_the_order_of_the_file_which_is_that_of_the_interpreter():
    inputs = [keras.Input((3,), name="b"), keras.Input((2,), name="a")]
    from tfopt.conversion.convert import convert
    from tfopt.runtime.progress import Silent

    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(inputs)))
    artifact = convert(KerasArtifact.from_model(model, "two.keras"), Silent()).artifact
    shapes = [
        list(detail["shape_signature"]) for detail in Interpreter(model_content=artifact.payload).get_input_details()
    ]
    ports = artifact.ports("input")
    assert [[size or -1 for size in port.shape] for port in ports] == shapes
    assert {port.name: port.shape[1] for port in ports} == {"b": 3, "a": 2}
    assert [(port.scale, port.zero_point) for port in ports] == [(None, None)] * 2


def test_the_header_defines_scale_and_zero_point_of_each_port(integers):
    _, header = c_array(integers.artifact.payload, "my-model", *map(integers.artifact.ports, ("input", "output")))
    port = integers.artifact.ports("input")[0]
    scale = re.search(r"#define MY_MODEL_INPUT_0_SCALE (\S+)f\n", header)
    assert np.float32(scale[1]) == np.float32(port.scale)
    assert f"#define MY_MODEL_INPUT_0_ZERO_POINT ({port.zero_point})\n" in header
    assert "#define MY_MODEL_INPUT_0_SIZE 64\n" in header
    assert "#define MY_MODEL_OUTPUT_0_SCALE 0.00390625f\n" in header


def test_a_c_array_takes_one_sample_unless_another_batch_is_asked_for():
    def batches(config):
        recipe = Recipe.of([RecipeStep.of(config)], source="m.keras", outputs=Outputs(emit="c"))
        return [step.config.batch for step in recipe.pipeline_steps()]

    assert batches(QuantizeConfig(precision="dynamic")) == [1]
    assert batches(QuantizeConfig(precision="dynamic", batch=8)) == [8]


def test_the_report_the_page_and_inspect_tell_scale_and_zero_point(tfopt, sample):
    made = tfopt("quantize", sample, "--int8", "--io", "int8", "--emit", "c", "-o", "m.tflite")
    assert made.code == 0, made.err
    page = " ".join(made.out.split())
    [port] = tfopt("evaluate", "m.tflite", "--data", "digits", "--json").report["measurements"][0]["inputs"]
    assert (port["dtype"], port["shape"], port["zero_point"]) == ("int8", [1, 8, 8, 1], -128)
    told = f"scale {port['scale']:.9g}, zero point -128"
    assert f"takes {port['name']}: 1x8x8x1 int8, {told}" in page
    assert told in " ".join(tfopt("inspect", "m.tflite").out.split())
    assert tfopt("inspect", "m.tflite", "--json").report["inputs"] == [port]
    assert f"INPUT_0_SCALE {port['scale']:.9g}f" in (sample.parent / "m.h").read_text()
