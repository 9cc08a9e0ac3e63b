"""What every technique promises: the input is left alone, shapes stay, a saved file predicts the same, seeds decide."""

import numpy as np
import pytest

import tfopt

TECHNIQUES = {
    "prune": lambda model: tfopt.prune(model, tfopt.PruneConfig(sparsity=0.6, epochs=1)),
    "prune one-shot": lambda model: tfopt.prune(model, tfopt.PruneConfig(sparsity=0.6, schedule="one-shot")),
    "int8": lambda model: tfopt.quantize(model, tfopt.QuantizeConfig(precision="int8")),
    "float16": lambda model: tfopt.quantize(model, tfopt.QuantizeConfig(precision="float16")),
    "dynamic": lambda model: tfopt.quantize(model, tfopt.QuantizeConfig(precision="dynamic")),
    "convert": tfopt.convert,
}


@pytest.fixture(scope="module", params=TECHNIQUES)
def done(request):
    from tests.conftest import SAMPLES

    artifact = tfopt.load(SAMPLES / "digits-cnn.keras")
    before = [w.copy() for w in artifact.model.get_weights()]
    return artifact, before, TECHNIQUES[request.param], TECHNIQUES[request.param](artifact)


def test_the_input_model_is_left_alone(done):
    artifact, before, _, _ = done
    assert all(np.array_equal(a, b) for a, b in zip(before, artifact.model.get_weights(), strict=True))


def test_input_and_output_shapes_stay(done):
    artifact, _, _, result = done
    for before, after in (
        (artifact.input_shapes(), result.artifact.input_shapes()),
        (artifact.output_shapes(), result.artifact.output_shapes()),
    ):
        assert [shape[1:] for shape in after] == [shape[1:] for shape in before]


def test_the_saved_file_predicts_what_was_measured(done, tmp_path, digits):
    _, _, _, result = done
    loaded = tfopt.load(result.artifact.save(tmp_path / result.artifact.name))
    outputs = loaded.predict(digits.test.x)
    np.testing.assert_array_equal(outputs, result.artifact.predict(digits.test.x))
    assert np.mean(outputs.argmax(1) == digits.test.y) == result.report.measurements[-1].accuracy.value


def test_same_seed_same_result(done, digits):
    artifact, _, technique, result = done
    again = technique(artifact).artifact.predict(digits.test.x)
    np.testing.assert_array_equal(again, result.artifact.predict(digits.test.x))


def test_every_layer_with_weights_is_in_the_report(done):
    artifact, _, _, result = done
    if result.report.command != "convert":
        with_weights = {layer.name for layer in artifact.model.layers if layer.weights}
        assert {change.layer for change in result.report.layers} == with_weights
        assert all(change.detail for change in result.report.layers)


def test_poisoned_test_labels_change_nothing_but_the_measured_accuracy(done, digits):
    from dataclasses import replace

    from tfopt.data import Split

    artifact, _, _, result = done
    poisoned = replace(digits, test=Split(digits.test.x, (digits.test.y + 1) % 10))
    command, config = result.report.command, result.report.config
    again = {
        "prune": lambda: tfopt.prune(artifact, tfopt.PruneConfig(**config), poisoned),
        "quantize": lambda: tfopt.quantize(artifact, tfopt.QuantizeConfig(**config), poisoned),
        "convert": lambda: tfopt.convert(artifact, poisoned),
    }[command]()
    np.testing.assert_array_equal(again.artifact.predict(digits.test.x), result.artifact.predict(digits.test.x))
    assert again.report.measurements[-1].accuracy.value < 0.2
