"""How much leaves each group: solved for the least sum of errors at the cost of an equal share."""

from itertools import product

import numpy as np
import pytest

from tfopt.techniques.structured.amounts import solved_counts
from tfopt.techniques.structured.channel_selection import GroupScores


def group(size, height, first=1, measured=True):
    """A group whose errors grow to `height` as its channels leave."""
    return GroupScores(np.arange(first, first + size), height * np.linspace(0, 1, size + 1)[1:] ** 3, 1, measured)


def chain(counts):
    """What three layers in a row cost, of which each reads what the one before makes."""
    one, other = counts
    return 5 * one + one * other + 3 * other


def error(groups, counts):
    return sum(np.concatenate([one.scores[::-1], [0]])[count] for one, count in zip(groups, counts, strict=True))


def test_the_choice_costs_no_more_than_an_equal_share_and_has_nearly_the_least_error_of_all():
    groups = [group(10, 1.0), group(20, 0.05)]
    counts = solved_counts(groups, chain, 0.5, 1)
    assert chain(counts) <= chain([5, 10])
    allowed = [pair for pair in product(range(1, 11), range(2, 21)) if chain(pair) <= chain([5, 10])]
    assert error(groups, counts) <= 1.1 * min(error(groups, pair) for pair in allowed) < error(groups, [5, 10])


def test_what_matters_more_keeps_more_and_counts_are_rounded_up():
    first, second = solved_counts([group(16, 1.0), group(16, 0.01)], lambda counts: sum(counts), 0.5, 4)
    assert first > 8 > second
    assert first % 4 == second % 4 == 0


def test_a_group_whose_errors_are_not_known_loses_the_equal_share():
    counts = solved_counts([group(10, 1.0), group(10, 0.01, measured=False)], lambda counts: sum(counts), 0.5, 1)
    assert counts[1] == 5


def test_a_tenth_of_each_group_stays_whatever_it_seems_to_be_worth():
    counts = solved_counts([group(30, 1.0), group(30, 1e-6)], lambda counts: sum(counts), 0.4, 1)
    assert counts == [pytest.approx(30, abs=1), pytest.approx(6, abs=1)]
    counts = solved_counts([group(30, 1.0), group(30, 0.0)], lambda counts: sum(counts), 0.6, 1)
    assert counts[1] == 3
