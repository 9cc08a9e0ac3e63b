import numpy as np
import pytest

from tfopt.evaluation.scores import predicted_classes
from tfopt.evaluation.statistics import accuracy, accuracy_change


def test_accuracy_carries_its_sample_count_and_wilson_interval():
    found = accuracy(np.array([True] * 9 + [False]))
    assert (found.correct, found.total, found.value) == (9, 10, 0.9)
    assert (found.low, found.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson 1927, z = 1.96


def test_mcnemar_is_exact_on_the_discordant_pairs():
    before = np.array([True] * 10 + [False] * 2 + [True] * 8)
    after = np.array([False] * 10 + [True] * 2 + [True] * 8)
    change = accuracy_change("a", before, after)
    assert (change.lost, change.won) == (10, 2)
    assert change.change == pytest.approx(-0.4)
    assert change.p_value == pytest.approx(0.03857, abs=1e-5)  # 2 * P(X <= 2), X ~ Bin(12, 1/2)
    assert change.verdict == "worse"


def test_a_difference_that_may_be_chance_is_not_called_one():
    before = np.array([True, True, True, False] * 5)
    after = np.array([True, True, False, False] + [True, True, True, False] * 4)
    assert accuracy_change("a", before, after).verdict == "no clear change"


@pytest.mark.parametrize(
    ("outputs", "classes"),
    [
        ([[0.1, 0.9], [0.8, 0.2]], [1, 0]),
        ([[0.4], [0.6]], [0, 1]),
        ([[-3.0], [0.2]], [0, 1]),
    ],
)
def test_classes_are_read_from_scores_probabilities_and_logits(outputs, classes):
    assert predicted_classes(np.array(outputs)).tolist() == classes
