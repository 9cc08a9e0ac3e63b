import numpy as np
import pytest

from tfopt.evaluation.scores import drop, scores
from tfopt.evaluation.statistics import deviation, deviation_change


def test_the_interval_is_that_of_student_by_hand():
    found = deviation(np.array([1.0, 2.0, 3.0]), unit=2.0)
    assert (found.mae, found.low, found.high, found.samples) == pytest.approx((2, 0, 2 + 2.484, 3), abs=1e-3)


def test_windows_that_share_steps_count_as_one_block():
    errors = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    whole, blocks = deviation(errors, None), deviation(errors, None, block=10)
    assert whole.mae == blocks.mae
    assert blocks.high - blocks.mae > 2 * (whole.high - whole.mae)


def test_a_single_block_proves_nothing():
    rng = np.random.default_rng(0)
    before = rng.random(45)
    assert deviation(before, None, block=30).high == np.inf
    change = deviation_change("a", before, before * 1.5, block=30)
    assert (change.p_value, change.verdict) == (1.0, "no clear change")


def test_errors_that_grow_everywhere_are_worse_and_none_is_unchanged():
    before = np.linspace(1, 2, 50)
    assert deviation_change("a", before, before * 1.1).verdict == "worse"
    assert deviation_change("a", before, before).verdict == "unchanged"


def test_scores_are_right_answers_or_errors_and_a_drop_is_points_or_a_share():
    outputs, y = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])
    assert scores("classification", outputs, y).tolist() == [True, False]
    assert scores("regression", np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]])).tolist() == [1.5]
    words = scores("translation", np.eye(4)[[[3, 2, 1]]], np.array([[3, 1, 0]]))
    assert words.tolist() == [True, False]
    assert drop("classification", np.array([1.0, 1.0]), np.array([1.0, 0.0])) == 0.5
    assert drop("forecasting", np.array([2.0]), np.array([3.0])) == pytest.approx(0.5)
    assert scores("regression", np.array([[np.nan]]), np.array([[1.0]])).tolist() == [np.inf]


def test_the_verdict_is_that_of_the_test_and_says_where_the_mean_goes_the_other_way():
    before = np.full(200, 1.0)
    after = before + 0.01  # nearly all samples are a little worse,
    after[:10] = 0.1  # and a few so much better that the mean is, too
    found = deviation_change("a", before, after)
    assert (found.change < 0, found.verdict) == (True, "most samples worse, the mean lower")
    assert deviation_change("a", after, before).verdict == "most samples better, the mean higher"
    assert found.p_value < 0.05


@pytest.mark.parametrize("block", [1, 4])
def test_false_alarms_are_five_in_a_hundred(block):
    rng = np.random.default_rng(0)
    pairs = (np.abs(rng.normal(size=(2, 400))) for _ in range(1000))
    alarms = np.mean([deviation_change("a", *pair, block).p_value < 0.05 for pair in pairs])
    assert 0.03 < alarms < 0.07
