"""Small editions of `benchmarks/false_alarms.py`: a verdict is seldom wrong, and has the direction of its own test."""

import numpy as np
import pytest

from benchmarks.false_alarms import LIMITS, VERDICTS, false_alarms, found_effects, translated
from tfopt.evaluation.bleu import bleu_change
from tfopt.evaluation.intervals import growth, matched_difference
from tfopt.evaluation.statistics import accuracy, accuracy_change, deviation_change, worsening
from tfopt.tasks.registry import rules_of

SLOW = {
    "BLEU (paired randomization)": 25,
    "accuracy of words (by sentences)": 25,
    "macro F1 (bootstrap)": 100,
    "ROC-AUC (bootstrap)": 50,
    "RMSE (bootstrap)": 100,
}


@pytest.mark.parametrize("verdict", [*VERDICTS, *LIMITS], ids=lambda verdict: verdict.name)
def test_false_alarms_are_at_most_five_in_a_hundred(verdict):
    assert false_alarms(verdict, SLOW.get(verdict.name, 200)).low <= 0.05


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: verdict.name)
def test_a_planted_difference_is_found_and_never_called_the_opposite(verdict, sign):
    found, opposite = found_effects(verdict, 20, sign)
    assert found > 0.3
    assert opposite == 0


def test_the_words_of_a_sentence_that_all_change_together_count_as_one():
    clusters = rules_of("translation").clusters(np.ones((5, 20)))
    before = np.ones(100, bool)
    after = before & (clusters != 0)  # one sentence of five is lost, with its 20 words
    assert accuracy_change("a", before, after).verdict == "worse"
    found = accuracy_change("a", before, after, clusters)
    assert (found.p_value, found.verdict, found.clusters) == (1.0, "no clear change", 5)
    assert found.low < -0.5
    assert accuracy(after, clusters).low < 0.4 < 0.7 < accuracy(after).low


def test_clusters_of_one_sample_are_judged_as_samples_are():
    before, after = np.arange(40) < 30, np.arange(40) < 22
    alone, each = (accuracy_change("a", before, after, clusters) for clusters in (None, np.arange(40)))
    assert each.p_value == pytest.approx(alone.p_value)  # McNemar's test is exact, so is the one of so few exchanges
    assert (each.low, each.high) == pytest.approx((alone.low, alone.high), abs=0.005)


def test_the_interval_of_a_drop_is_that_of_tango_and_none_that_is_seen_is_not_none():
    assert matched_difference(0, 0, 216, 0.95) == pytest.approx((-(1.96**2) / 219.84, 1.96**2 / 219.84), abs=1e-4)
    assert matched_difference(5, 0, 5, 0.95) == pytest.approx((0.131, 1.0), abs=1e-3)  # 5 (1 - d) = 1.96^2 (1 + d)
    low, high = matched_difference(12, 2, 50, 0.95)
    assert low < 0.2 < high
    assert matched_difference(2, 12, 50, 0.95) == pytest.approx((-high, -low))


def test_the_interval_of_growth_excludes_none_exactly_where_the_test_does():
    rng = np.random.default_rng(0)
    for _ in range(50):
        before, after = rng.lognormal(size=(2, 30))
        found = deviation_change("a", before, after)
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
        assert found.low <= found.change <= found.high
    assert growth(np.array([1.0]), np.array([2.0]), 0.95) == (-1.0, np.inf)


def test_a_direction_is_that_of_the_figure_that_the_test_is_of():
    before = np.full(200, 1.0)
    after = before + 0.01  # nearly all samples are a little worse,
    after[:10] = 0.1  # and a few so much better that the mean is, too
    found = deviation_change("a", before, after)
    assert (found.change < 0, found.high < 0, found.verdict) == (True, True, "better")
    assert deviation_change("a", after, before).verdict == "worse"


def test_answers_that_are_not_finite_are_worse():
    before, after = np.ones(30), np.ones(30)
    after[0] = np.inf
    found = deviation_change("a", before, after)
    assert (found.verdict, found.change, found.high) == ("worse", np.inf, None)
    assert deviation_change("a", after, before).verdict == "better"
    assert worsening(before, after).high == np.inf


def test_bleu_is_compared_by_sentences_exchanged_and_equal_texts_are_unchanged():
    rng = np.random.default_rng(0)
    texts = [[f"w{rng.integers(50)}" for _ in range(12)] for _ in range(40)]
    good, bad = (translated(texts, shift, rng) for shift in (2.0, 0.0))
    found = bleu_change("a", good, bad, 400)
    assert (found.change < -5, found.p_value < 0.05, found.verdict) == (True, True, "worse")
    assert bleu_change("a", good, good, 400).verdict == "unchanged"
