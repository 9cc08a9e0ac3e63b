import numpy as np
import pytest

from tfopt.evaluation.statistics import deviation, deviation_change, drop
from tfopt.report.changes import DeviationChange
from tfopt.report.figures import ends
from tfopt.report.schema import Deviation
from tfopt.tasks.registry import rules_of


def test_the_interval_is_that_of_student_by_hand():
    found = deviation(np.array([2.0, 3.0, 4.0]), unit=2.0)
    assert (found.mae, found.low, found.high, found.samples) == pytest.approx((3, 3 - 2.484, 3 + 2.484, 3), abs=1e-3)


def test_an_error_that_is_not_told_from_none_has_no_interval():
    two = deviation(np.repeat([0.2, 0.3], 20), None, np.arange(40) // 20)
    assert (two.low, two.high) == (None, None)
    right = deviation(np.zeros(9), None)
    assert (right.low, right.high) == (0, 0)


def test_windows_are_cut_into_few_long_parts():
    assert rules_of("classification").clusters(np.zeros(9)) is None
    assert np.unique(rules_of("forecasting").clusters(np.zeros((900, 6)))).tolist() == list(range(10))
    assert np.bincount(rules_of("forecasting").clusters(np.zeros((100, 6)))).tolist() == [
        50,
        50,
    ]  # 8 x 5 steps, twice
    assert rules_of("forecasting").clusters(np.zeros((30, 6))).tolist() == [0] * 30
    assert rules_of("translation").clusters(np.array([[3, 2, 0], [4, 0, 0]])).tolist() == [0, 0, 1]


def test_windows_that_share_steps_count_as_one_block():
    errors = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    whole, blocks = deviation(errors, None), deviation(errors, None, np.arange(40) // 10)
    assert whole.mae == blocks.mae
    assert blocks.high - blocks.mae > 2 * (whole.high - whole.mae)


def test_a_single_block_proves_nothing():
    rng = np.random.default_rng(0)
    before = rng.random(45)
    one = np.zeros(45, int)
    found = deviation(before, None, one)
    change = deviation_change("a", before, before * 1.5, one)
    assert (found.low, found.high, change.low, change.high) == (None, None, None, None)
    assert (change.p_value, change.verdict) == (1.0, "no clear change")


@pytest.mark.parametrize(("error", "words"), [(1.5, "too few independent"), (np.inf, "answers that are not finite")])
def test_an_error_without_an_interval_says_why_and_is_read_again_from_json(error, words):
    errors, one = np.linspace(1, 2, 45), np.zeros(45, int)
    worse = np.where(np.arange(45) < 3, error, errors)
    found, change = deviation(worse, None, one), deviation_change("a", errors, worse, one)
    assert Deviation.model_validate_json(found.model_dump_json()) == found
    assert DeviationChange.model_validate_json(change.model_dump_json()) == change
    assert words in ends(found.mae, found.low, found.high, ".4g")
    assert words in ends(change.change, change.low, change.high, "+.1%")


def test_errors_that_grow_everywhere_are_worse_and_none_is_unchanged():
    before = np.linspace(1, 2, 50)
    assert deviation_change("a", before, before * 1.1).verdict == "worse"
    assert deviation_change("a", before, before).verdict == "unchanged"


def test_scores_are_right_answers_or_errors_and_a_drop_is_points_or_a_share():
    outputs, y = np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0])
    assert rules_of("classification").scores(outputs, y).tolist() == [True, False]
    assert rules_of("regression").scores(np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]])).tolist() == [1.5]
    words = rules_of("translation").scores(np.eye(4)[[[3, 2, 1]]], np.array([[3, 1, 0]]))
    assert words.tolist() == [True, False]
    assert drop(np.array([True, True]), np.array([True, False])) == 0.5
    assert drop(np.array([2.0]), np.array([3.0])) == pytest.approx(0.5)
    assert rules_of("regression").scores(np.array([[np.nan]]), np.array([[1.0]])).tolist() == [np.inf]


@pytest.mark.parametrize("error", [0.0, np.inf])
def test_equal_errors_have_not_grown_even_where_there_are_none_or_endless_ones(error):
    errors = np.array([error, 0.0, error])
    found = deviation_change("a", errors, errors.copy())
    assert (found.change, found.low, found.high, found.verdict) == (0.0, 0.0, 0.0, "unchanged")
