"""Regression: each sample has numbers, and an answer has an error."""

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.lazy_arrays import pieces
from tfopt.tasks.rules import TaskRules, mean_absolute_error, some_of, weighted_mean


class Regression(TaskRules):
    """Numbers (N, K)."""

    task = "regression"

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Always answer the median."""
        guess = np.median(some_of(data.train).y, axis=0)
        error = weighted_mean((mean_absolute_error(guess, part), len(part)) for part in pieces(data.test.y))
        return "always the median of the train split", error
