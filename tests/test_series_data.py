"""Series become windows within spans of time; nothing of the test span is seen before."""

import numpy as np
import pytest

from tests.test_tables import config, written
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.series import Series, make_forecast_dataset
from tfopt.errors import InputError
from tfopt.tasks.registry import rules_of


@pytest.fixture
def counting(tmp_path):
    """Two columns: the number of the step, and a hundred times that; windows show which steps they hold."""
    steps = np.arange(400, dtype=np.float32)
    np.savez(tmp_path / "s.npz", values=np.stack([steps, 100 * steps], axis=1), columns=["a", "b"])
    return config(tmp_path / "s.npz", window=8, horizon=4)


def steps(data, split):
    """First and last step of the windows, and of what follows them."""
    x = data.scaling.inverse(split.x)[..., 0].round().astype(int)
    y = data.targets.inverse(split.y).reshape(*split.y.shape[:2], -1)[..., 0].round().astype(int)
    return x, y


def test_windows_are_runs_of_steps_and_what_follows_them(counting):
    data = load(counting)
    assert (data.kind, data.task, data.columns) == ("series", "forecasting", ("a", "b"))
    x, y = steps(data, data.test)
    assert (x[0].tolist(), y[0].tolist()) == (list(range(320, 328)), list(range(328, 332)))
    assert (x[-1, 0], y[-1, -1]) == (388, 399)
    assert (data.test.x.shape[1:], data.test.y.shape[1:]) == ((8, 2), (4, 2))


def test_spans_follow_each_other_and_share_no_step_but_calibration_with_train(counting):
    data = load(counting)
    spans = {name: (steps(data, split)[0].min(), steps(data, split)[1].max()) for name, split in data.splits()}
    assert spans["train"][0] == 0
    assert spans["calibration"][1] < spans["validation"][0]
    assert spans["validation"][1] < spans["test"][0]
    assert spans["test"] == (320, 399)


def test_calibration_is_spread_over_the_train_span_at_every_hour_and_what_it_shares_is_told(tmp_path):
    values = np.arange(4800, dtype=np.float32)[:, None]
    np.savez(tmp_path / "s.npz", values=values)
    data = load(config(tmp_path / "s.npz", window=24, horizon=12))
    first = np.sort(steps(data, data.calibration)[0][:, 0])
    trained = steps(data, data.train)[0][:, 0]
    assert len(first) == len(data.train) // 10
    assert np.diff(first, prepend=0, append=trained.max()).max() <= 20
    assert set(first % 24) == set(range(24))
    assert set(first) <= set(trained)
    assert any("calibration" in note and "trained on" in note for note in data.notes)


def test_the_train_span_alone_says_how_to_scale(counting):
    data = load(counting)
    last = steps(data, data.train)[1].max()
    assert data.scaling.mean[0] == pytest.approx(last / 2)
    assert data.scaling == data.targets
    assert load(counting, Preprocessor(scaling=data.scaling, targets=data.targets)).scaling == data.scaling


def test_windows_are_views_of_the_values(counting):
    data = load(counting)
    assert data.train.x.base is not None
    assert data.train.x.strides[0] == data.train.x.strides[1]


def test_one_column_can_be_forecast_from_all(counting):
    data = load(counting.model_copy(update={"target": "b"}))
    assert (data.test.x.shape[1:], data.test.y.shape[1:]) == ((8, 2), (4,))
    np.testing.assert_allclose(data.targets.inverse(data.test.y)[0], [32800, 32900, 33000, 33100], rtol=1e-4)
    with pytest.raises(InputError, match="no column c for `target`: its columns are a, b"):
        load(counting.model_copy(update={"target": "c"}))


def test_a_table_with_a_horizon_is_a_series_without_its_dates(tmp_path):
    rows = "".join(f"2024-01-{i % 28 + 1:02},{i % 24},{i % 7}\n" for i in range(400))
    data = load(config(written(tmp_path / "s.csv", "date,load,heat\n" + rows), horizon=3, window=6))
    assert data.columns == ("load", "heat")
    assert any("left out, since it holds no numbers: date" in note for note in data.notes)


@pytest.mark.parametrize(
    ("values", "name"),
    [(np.arange(500) % 4, "the value 4 steps before"), (np.arange(500) // 20, "the last value of the window")],
)
def test_the_better_way_to_go_on_is_the_baseline(values, name):
    series = Series(values[:, np.newaxis].astype(np.float32), ("a",))
    data = make_forecast_dataset(series, DataConfig(window=8, horizon=4), Preprocessor())
    method, value = rules_of(data.task).baseline(data)
    _, y = steps(data, data.test)
    x = data.scaling.inverse(data.test.x)[..., 0]
    guesses = {"the value 4 steps before": x[:, -4:], "the last value of the window": x[:, -1:]}
    assert method == name
    assert value == pytest.approx(float(np.abs(guesses[name] - y).mean() / data.targets.deviation), abs=1e-4)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.zeros((100, 2)), {"window": 96}, "has 100 steps, 68 of them for train; 10 windows of 96 steps"),
        (np.zeros(100), {}, "a row a step"),
        (np.array([["a"]] * 100), {}, "numbers are needed"),
        (np.zeros((400, 1)), {"window": 8, "scale": "unit"}, "a series is fed standard or none"),
    ],
)
def test_what_cannot_be_cut_into_windows_is_one_sentence(tmp_path, values, options, words):
    np.savez(tmp_path / "s.npz", values=values)
    with pytest.raises(InputError, match=words):
        load(config(tmp_path / "s.npz", **options))


def test_a_gap_names_its_row_and_column(tmp_path):
    values = np.zeros((400, 2))
    values[41, 1] = np.nan
    np.savez(tmp_path / "s.npz", values=values, columns=["a", "b"])
    with pytest.raises(InputError, match="NaN or infinity in row 42, column b"):
        load(config(tmp_path / "s.npz", window=8, horizon=4))
    rows = "".join(f"{i},{'' if i == 41 else i}\n" for i in range(400))
    with pytest.raises(InputError, match="no value in line 43, column b"):
        load(config(written(tmp_path / "s.csv", "a,b\n" + rows), window=8, horizon=4))


def test_waves_repeat_by_the_day_and_are_the_same_every_time():
    data, again = (load(DataConfig(source="waves")) for _ in range(2))
    assert data.fingerprint == again.fingerprint
    method, value = rules_of(data.task).baseline(data)
    assert method == "a ridge regression per column"
    assert 0.3 < value < 0.5


def test_what_is_fed_and_what_is_forecast_are_in_the_same_units_whatever_the_scale(counting):
    plain = load(counting.model_copy(update={"scale": "none"}))
    assert plain.targets == plain.scaling
    np.testing.assert_array_equal(plain.train.y[0, :, 0], [8, 9, 10, 11])
