"""Splits by class: the draws of scikit-learn, in a fraction of its memory."""

import tracemalloc

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from tfopt.data.stratification import split_by_class


@pytest.mark.parametrize("seed", range(20))
def test_the_draws_are_those_of_scikit_learn_so_that_models_find_the_splits_they_were_made_with(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, rng.integers(2, 30), 300) * 2
    size = int(rng.integers(40, 200))
    wanted = train_test_split(np.arange(300), test_size=size, random_state=seed, stratify=labels)
    for one, other in zip(split_by_class(labels, size, seed), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("labels", "size"), [([0, 0, 1], 1), ([0, 0, 1, 1, 2, 2], 2), ([0, 0, 1, 1, 2, 2], 4)])
def test_too_few_rows_of_a_class_are_refused_as_scikit_learn_does(labels, size):
    with pytest.raises(ValueError, match=r"least populated|should be greater"):
        train_test_split(np.arange(len(labels)), test_size=size, random_state=0, stratify=labels)
    with pytest.raises(ValueError, match="too few rows of a class"):
        split_by_class(np.array(labels), size, 0)


def test_millions_of_rows_take_a_few_numbers_each():
    labels = np.arange(300_000) % 4
    tracemalloc.start()
    split_by_class(labels, 60_000, 0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40 * len(labels)
