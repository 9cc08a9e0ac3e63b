"""The default forecaster starts as a linear forecast, the one that reports name, and never ends up worse than it."""

import keras
import numpy as np
import pytest

from tfopt.core.result import report_of
from tfopt.data.config import DataConfig
from tfopt.data.linear_forecast import fit_linear_forecast
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.series import Series, make_forecast_dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.models.architectures import build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.report.epochs_table import render_epochs
from tfopt.runtime.progress import Silent
from tfopt.tasks.registry import rules_of
from tfopt.training.config import TrainConfig
from tfopt.training.linear_start import KEPT, start_from_linear_forecast
from tfopt.training.train import completed, summary_of, train


@pytest.fixture(scope="module", params=[None, "b"])
def damped(request):
    """Two damped oscillations with noise: each column follows from its own last two steps."""
    rng = np.random.default_rng(0)
    values = np.zeros((900, 2), np.float32)
    for step in range(2, 900):
        values[step] = [1.6, 1.2] * values[step - 1] - [0.9, 0.7] * values[step - 2] + rng.normal(size=2)
    config = DataConfig(window=12, horizon=3, target=request.param)
    return make_forecast_dataset(Series(values, ("a", "b")), config, Preprocessor())


def test_a_linear_forecast_finds_the_rule_of_a_column_and_beats_repetition(damped):
    found = fit_linear_forecast(damped)
    last = {None: 1, "b": 0}[damped.config.target]  # column b
    one_step = found.kernel[:, last, 0]
    assert one_step[-2] == pytest.approx(-0.7, abs=0.1)
    method, value = rules_of(damped.task).baseline(damped)
    assert method == "a ridge regression per column"
    y = damped.test.y.reshape(len(damped.test), 3, -1)
    assert value == pytest.approx(np.abs(found(damped.test.x) - y).mean(), rel=1e-5)
    repeated = np.abs(damped.test.x[:, -1:, list(found.columns)] - y).mean()
    assert value < 0.8 * repeated


def test_the_default_forecaster_starts_as_the_linear_forecast(damped):
    model = build(ModelConfig(size="tiny"), Signature.of(damped))
    assert start_from_linear_forecast(model, damped)
    answers = np.asarray(model(damped.test.x)).reshape(len(damped.test), 3, -1)
    np.testing.assert_allclose(answers, fit_linear_forecast(damped)(damped.test.x), atol=1e-4)


def test_a_forecaster_that_training_makes_worse_is_the_linear_forecast(damped):
    trained = train(TrainConfig(size="tiny", epochs=1, learning_rate=0.5), damped, Silent())
    start = build(ModelConfig(size="tiny"), Signature.of(damped))
    start_from_linear_forecast(start, damped)
    validation = Evaluator.on(damped, "validation")
    assert trained.notes == [KEPT]
    said = "1 epochs trained of at most 1, the weights are those before the first"
    assert summary_of(trained, TrainConfig(epochs=1), damped)[1] == said
    artifact = KerasArtifact.from_model(trained.model, "m.keras")
    report = completed(report_of("train", TrainConfig(), damped, [artifact], Silent()), trained, damped)
    assert report.best_epoch == 0
    assert not any("has not learnt the samples" in warning for warning in report.warnings)
    [table] = render_epochs(report)
    assert list(table.columns[0].cells) == ["1, last"]
    assert validation.score(trained.model).mean() == pytest.approx(validation.score(start).mean(), rel=1e-5)


def test_a_default_training_beats_the_linear_forecast_where_columns_help_each_other():
    rng = np.random.default_rng(0)
    lead = rng.normal(size=700).astype(np.float32)
    values = np.stack([lead, np.roll(lead, 4)], axis=1)  # b repeats a four steps later
    data = make_forecast_dataset(Series(values, ("a", "b")), DataConfig(window=8, horizon=2), Preprocessor())
    trained = train(TrainConfig(size="tiny", epochs=15), data, Silent())
    assert Evaluator.on(data, "test").score(trained.model).mean() < 0.9 * rules_of(data.task).baseline(data)[1]


def test_other_tasks_and_architectures_have_no_linear_part(damped):
    assert start_from_linear_forecast(build(ModelConfig(arch="rnn", size="tiny"), Signature.of(damped)), damped) is None
    digits = load(DataConfig())
    assert start_from_linear_forecast(build(ModelConfig(arch="mlp", size="tiny"), Signature.of(digits)), digits) is None
    assert isinstance(build(ModelConfig(size="tiny"), Signature.of(damped)), keras.Model)
