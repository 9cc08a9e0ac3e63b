"""What every technique promises: the input is left alone, shapes stay, a saved file predicts the same, seeds decide."""

from dataclasses import replace

import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES
from tfopt.data.dataset import Split

TECHNIQUES = {
    "prune": lambda model, data: tfopt.prune(model, tfopt.PruneConfig(sparsity=0.6, epochs=1), data),
    "one-shot": lambda model, data: tfopt.prune(model, tfopt.PruneConfig(sparsity=0.6, schedule="one-shot"), data),
    "2:4": lambda model, data: tfopt.prune(model, tfopt.PruneConfig(pattern="2:4", epochs=1), data),
    "tfmot": lambda model, data: tfopt.prune(model, tfopt.PruneConfig(engine="tfmot", epochs=2), data),
    "structured": lambda model, data: tfopt.prune(
        model, tfopt.StructuredConfig(importance="taylor", scope="global", epochs=1), data
    ),
    "cluster": lambda model, data: tfopt.cluster(model, tfopt.ClusterConfig(epochs=1), data),
    "binarize": lambda model, data: tfopt.binarize(model, tfopt.BinarizeConfig(epochs=1), data),
    "rounded": lambda model, data: tfopt.binarize(model, tfopt.BinarizeConfig(post_training=True), data),
    "qat": lambda model, data: tfopt.quantize(model, tfopt.QatConfig(epochs=1), data),
    "int8": lambda model, data: tfopt.quantize(model, tfopt.QuantizeConfig(precision="int8"), data),
    "float16": lambda model, data: tfopt.quantize(model, tfopt.QuantizeConfig(precision="float16"), data),
    "dynamic": lambda model, data: tfopt.quantize(model, tfopt.QuantizeConfig(precision="dynamic"), data),
    "convert": lambda model, data: tfopt.convert(model, None, data),
}


SLOW = {"rounded", "2:4", "binarize"}  # what is like them is tested each time
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TECHNIQUES]


@pytest.fixture(scope="module", params=MARKED)
def done(request):
    artifact = tfopt.load(SAMPLES / "digits-cnn.keras")
    before = [w.copy() for w in artifact.model.get_weights()]
    technique = TECHNIQUES[request.param]
    return artifact, before, technique, technique(artifact, None)


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
    [measured] = [m for m in result.report.measurements if m.name == result.artifact.name]
    assert np.mean(outputs.argmax(1) == digits.test.y) == measured.accuracy.value


def test_every_layer_with_weights_is_in_the_report(done):
    artifact, _, _, result = done
    if result.report.command != "convert":
        with_weights = {layer.name for layer in artifact.model.layers if layer.weights}
        assert {change.layer for change in result.report.layers} == with_weights
        assert all(change.detail for change in result.report.layers)


def test_the_same_seed_gives_the_same_result_whatever_the_labels_of_the_test_split(done, digits):
    artifact, _, technique, result = done
    poisoned = replace(digits, test=Split.of(digits.test.x, (digits.test.y + 1) % 10))
    again = technique(artifact, poisoned)
    assert again.artifact.payload == result.artifact.payload
    assert again.report.measurements[-1].accuracy.value < 0.2


def test_another_calibration_split_gives_another_int8_file(digits):
    artifact = tfopt.load(SAMPLES / "digits-cnn.keras")
    darker = replace(digits, calibration=Split.of(digits.calibration.x * 0.5, digits.calibration.y))
    ours, theirs = (TECHNIQUES["int8"](artifact, data).artifact.payload for data in (digits, darker))
    assert ours != theirs
