"""A model that is fed otherwise than it was trained, or that scores no better than guessing, is told at the top."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from rich.console import Console

import tfopt
from tests.conftest import SAMPLES
from tfopt.core.provenance import data_provenance
from tfopt.data.config import DataConfig
from tfopt.data.dataset import Split
from tfopt.data.loader import load
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.markdown import markdown_text
from tfopt.report.terminal import render_report


def in_bytes(path, digits):
    """The digits as a file of floats from 0 to 255."""
    every = [split for _, split in digits.splits()]
    x, y = (np.concatenate([part(split) for split in every]) for part in (lambda s: s.x, lambda s: s.y))
    np.savez(path, x=(x * 255).astype(np.float32), y=y)
    return str(path)


@pytest.fixture(scope="module")
def plain():
    """The sample CNN as anybody might have saved it, without a memory of its training."""
    return keras.saving.load_model(SAMPLES / "digits-cnn.keras")


def test_a_model_without_a_memory_says_by_its_own_accuracy_how_it_wants_to_be_fed(tmp_path, digits, plain):
    source = in_bytes(tmp_path / "d.npz", digits)
    report = tfopt.evaluate(plain, source)
    [warning] = [one for one in report.warnings if "`scale`" in one]
    assert "values from 0 to 255" in warning
    assert "with `scale` unit" in warning
    assert tfopt.evaluate(plain, DataConfig(source=source, scale="unit")).warnings == []


def test_a_file_calibrated_on_such_data_has_it_at_the_top_of_its_report(tmp_path, digits, plain):
    report = tfopt.quantize(plain, tfopt.QuantizeConfig(), in_bytes(tmp_path / "d.npz", digits)).report
    assert "`scale` unit" in report.warnings[0]


def test_a_model_with_a_memory_is_held_to_the_values_that_it_was_trained_on(digits, plain):
    memory = data_provenance(digits)
    assert memory.fed.high == 1
    artifact = KerasArtifact.from_model(plain, "m.keras", memory)
    assert tfopt.evaluate(artifact, digits).warnings == []
    large = {name: Split.of(split.x * 255, split.y) for name, split in digits.splits()}
    [warning, *_] = tfopt.evaluate(artifact, replace(digits, fingerprint="other", **large)).warnings
    assert "m.keras was trained on values from 0 to 1" in warning
    assert "from 0 to 255" in warning


@pytest.fixture(scope="module")
def guessing(plain, digits):
    """A model that always says the same, measured."""
    model = keras.models.clone_model(plain)
    for weight in model.weights:
        weight.assign(keras.ops.zeros_like(weight))
    return tfopt.compare([KerasArtifact.from_model(model, "zeros.keras"), SAMPLES / "digits-mlp.keras"], digits)


def test_guessing_is_shouted_first_in_text_in_json_and_in_markdown(guessing):
    [warning] = guessing.warnings
    assert warning.startswith("zeros.keras (")
    assert " is no better than a guess: always class" in warning
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(render_report(guessing))
    text = console.export_text()
    assert text.index("WARNING: zeros.keras (") < text.index("test accuracy")
    assert json.loads(guessing.model_dump_json())["warnings"] == guessing.warnings
    assert markdown_text(guessing).index("**WARNING: zeros.keras") < markdown_text(guessing).index("test accuracy")


def test_a_training_that_learnt_nothing_says_what_to_try(digits):
    config = tfopt.TrainConfig(arch="mlp", size="tiny", epochs=1, learning_rate=1e-7)
    warning, advice = tfopt.train(config, digits).report.warnings
    assert "better than a guess" in warning
    assert "`learning_rate`" in warning
    assert "it has not learnt the samples" in advice


def test_a_forecast_worse_than_a_linear_one_is_told_with_both_figures():
    config = tfopt.TrainConfig(arch="rnn", size="tiny", epochs=1, learning_rate=1.0)
    report = tfopt.train(config, DataConfig(source="waves", window=24, horizon=24)).report
    assert report.measurements[0].deviation.mae > report.data.baseline.value
    told = [one for one in report.warnings if "is no better than a simple forecast" in one]
    assert report.data.baseline.method in told[0]


def test_sound_models_get_no_warning(digits):
    assert load(DataConfig()).fingerprint == digits.fingerprint
    assert tfopt.evaluate(SAMPLES / "digits-cnn.keras").warnings == []
