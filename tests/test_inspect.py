import keras
import pytest
from keras import layers

import tfopt as library
from tests.conftest import SAMPLES
from tests.zoo import lstm, nested, residual, transformer, two_in_two_out
from tfopt.evaluation.keras_macs import keras_macs, layer_macs


@pytest.fixture(scope="module")
def sample_cnn():
    return library.inspect(SAMPLES / "digits-cnn.keras", trial=True)


def test_the_layers_of_the_sample_add_up_to_its_totals(sample_cnn):
    assert sum(layer.parameters for layer in sample_cnn.layers) == sample_cnn.parameters == 16_986
    assert sum(layer.macs for layer in sample_cnn.layers) == sample_cnn.macs == 378_176
    assert sample_cnn.unattributed_macs == 0
    first = next(layer for layer in sample_cnn.layers if layer.layer == "conv1a")
    assert (first.kind, first.output_shapes, first.macs) == ("Conv2D", [[None, 8, 8, 16]], 8 * 8 * 16 * 9)
    assert (first.parameters, first.bytes, first.dtypes, first.sparsity) == (144, 576, ["float32"], 0.0)
    assert [(port.shape, port.dtype) for port in sample_cnn.inputs] == [([None, 8, 8, 1], "float32")]


def test_it_tells_how_the_sample_was_made(sample_cnn):
    assert (sample_cnn.origin.data, sample_cnn.origin.num_classes) == ("digits", 10)
    assert [step.command for step in sample_cnn.origin.history] == ["train"]
    assert sample_cnn.origin.history[0].config["arch"] == "cnn"


def test_techniques_answer_for_each_layer_with_weights(sample_cnn):
    answers = {layer.layer: layer.techniques for layer in sample_cnn.layers if layer.techniques}
    assert answers.keys() == {layer.layer for layer in sample_cnn.layers if layer.parameters}
    assert all(answers["conv2a"][one].can for one in ("prune", "cluster", "binarize", "int8", "qat"))
    assert answers["classes"]["binarize"].detail == "8 bits: last layer"
    normalization = answers["conv2a_norm"]
    assert not normalization["prune"].can
    assert "folded into the weights" in normalization["int8"].detail


def test_an_lstm_can_be_trained_for_int8_and_a_pruned_kernel_shows_its_zeros():
    model = lstm()
    name = next(layer.name for layer in model.layers if isinstance(layer, layers.LSTM))
    kernel = model.get_layer(name).weights[0]
    kernel.assign(kernel.numpy() * 0)
    found = library.inspect(model)
    layer = next(layer for layer in found.layers if layer.layer == name)
    assert layer.sparsity == pytest.approx(8 / (8 + 16))
    assert layer.techniques["qat"].detail == "trained with weights of 8 bits and 8-bit activations"
    assert layer.techniques["prune"].can
    assert "only the conversion shows" in layer.techniques["int8"].detail


def test_a_technique_that_can_do_nothing_is_a_note():
    found = library.inspect(keras.Sequential([keras.Input((4,)), layers.Rescaling(2.0)]))
    assert found.parameters == found.macs == 0
    assert any(note.startswith("prune: ") and "no kernel" in note for note in found.notes)


@pytest.mark.parametrize("make", [nested, residual, transformer, two_in_two_out, lstm])
def test_macs_of_layers_by_their_path_are_never_more_than_the_total(make):
    model = make()
    own = layer_macs(model)
    assert sum(own.values()) == keras_macs(model) > 0
    if make is nested:
        separable = next(name for name in own if name.startswith("body/separable"))
        assert own[separable] == 4 * 4 * (8 * 9 + 8 * 16)


def test_what_belongs_to_no_layer_is_said(tfopt, tmp_path):
    inputs = keras.Input((4, 4))
    x = layers.Dense(3, name="dense")(inputs)
    keras.Model(inputs, keras.ops.matmul(inputs, x)).save(tmp_path / "m.keras")
    found = tfopt("inspect", "m.keras", "--json").report
    assert (found["macs"], found["unattributed_macs"]) == (2 * 4 * 4 * 3, 4 * 4 * 3)
    assert "48 of them in no layer" in " ".join(tfopt("inspect", "m.keras").out.split())


def test_a_tflite_file_is_told_by_operations_and_types(tfopt, sample):
    assert tfopt("convert", sample, "-o", "m.tflite", "-q").code == 0
    found = tfopt("inspect", "m.tflite", "--json").report
    convolutions = next(one for one in found["operations"] if one["kind"] == "CONV_2D")
    assert (convolutions["count"], convolutions["output_type"]) == (4, "FLOAT32")
    assert sum(one["macs"] or 0 for one in found["operations"]) == found["macs"] == 378_176
    floats = next(one for one in found["tensors"] if one["type"] == "FLOAT32")
    assert floats["bytes"] == 4 * floats["values"]
    assert found["layers"] == []
    assert "CONV_2D" in tfopt("inspect", "m.tflite").out


def test_the_page_names_each_layer_and_each_reason_once(tfopt, sample):
    page = tfopt("inspect", sample).out
    for words in ("conv2b", "classes", "made by tfopt train", "made for digits", "16,986 parameters"):
        assert words in page
    assert page.count("a normalization has no kernel") == 1


def test_a_file_that_is_no_model_is_one_sentence(tfopt, tmp_path):
    (tmp_path / "m.keras").write_bytes(b"no zip")
    ended = tfopt("inspect", "m.keras")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "not a .keras file" in ended.err


def test_what_a_technique_says_is_said_in_the_flags_of_its_command(tfopt, tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(2)]).save(tmp_path / "m.keras")
    ended = tfopt("inspect", "m.keras", "--json")
    assert any("--all-layers takes the first and the last as well" in note for note in ended.report["notes"])


def test_no_conversion_is_tried_unless_it_is_asked_for_and_that_is_said(tfopt, sample, monkeypatch):
    from tfopt.inspection import verdicts

    tried = []
    monkeypatch.setattr(verdicts, "int8_verdicts", lambda *_: tried.append(1) or {})
    page = " ".join(tfopt("inspect", sample).out.split())
    assert tried == []
    assert "no conversion was tried: --trial converts" in page
    assert "weights int8 per-channel, activations int8" in page
    assert "--trial" not in tfopt("inspect", sample, "--trial").out
    assert tried == [1]
