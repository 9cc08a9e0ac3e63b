"""The layer that suffers is named, and sparing it holds the budget; a collapse is no success."""

import keras
import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.techniques.quantization.sensitivity import cosine, noise_to_signal, snr


@pytest.fixture(scope="module")
def scaled():
    """The sample CNN with some channels of conv2a a thousand times larger, which conv2b takes back: same outputs."""
    model = keras.saving.load_model(SAMPLES / "digits-cnn.keras")
    norm = model.get_layer("conv2a_norm")
    gamma, beta, *rest = norm.get_weights()
    gamma[:4] *= 1000
    beta[:4] *= 1000
    norm.set_weights([gamma, beta, *rest])
    kernel, *others = model.get_layer("conv2b").get_weights()
    kernel[:, :, :4] /= 1000
    model.get_layer("conv2b").set_weights([kernel, *others])
    return KerasArtifact.from_model(model, "scaled.keras")


def test_the_layer_with_the_large_channels_is_named_first(scaled, digits):
    report = tfopt.debug(scaled, tfopt.QuantizeConfig(), digits)
    first = report.errors[0]
    assert first.layer == "conv2a"
    assert first.added_noise > 5 * report.errors[1].added_noise
    assert first.drop > 0.5
    drops = {error.layer: error.drop for error in report.errors}
    assert drops["conv1b"] < 0.05


@pytest.mark.slow
def test_a_collapse_fails_the_gate_and_a_budget_spares_what_it_must(scaled, digits):
    collapsed = tfopt.quantize(scaled, tfopt.QuantizeConfig(), digits).report
    [gate] = collapsed.gates
    assert not gate.passed
    assert gate.found > 0.5
    saved = tfopt.quantize(scaled, tfopt.QuantizeConfig(max_drop=0.01), digits).report
    assert saved.passed
    kept = {layer.layer for layer in saved.layers if layer.action == "skipped"}
    assert "conv2a" in kept
    assert {"conv1a", "conv1b"} & kept == set()
    assert saved.measurements[-1].accuracy.value > collapsed.measurements[-1].accuracy.value + 0.5


def test_noise_is_averaged_over_the_channels():
    before = np.array([[1000.0, 1.0], [1000.0, 1.0]])
    after = np.array([[1000.0, 0.0], [1000.0, 0.0]])
    assert noise_to_signal(before, after) == 0.5
    assert snr(before, after) == pytest.approx(60, abs=0.01)
    assert cosine(before, before) == pytest.approx(1)
    assert snr(np.array([2.0]), np.array([1.0])) == pytest.approx(10 * np.log10(4))


def test_nan_is_nothing_but_noise():
    assert noise_to_signal(np.ones((4, 2)), np.array([[1.0, np.nan]] * 4)) == 0.5
