"""Regression: each sample has numbers, and an answer has an error."""

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.tasks.rules import TaskRules, mean_absolute_error


class Regression(TaskRules):
    """Numbers (N, K)."""

    task = "regression"

    def baseline(self, data: Dataset) -> tuple[str, float]:
        """Always answer the median."""
        guess = np.median(data.train.y, axis=0)
        return "always the median of the train split", mean_absolute_error(guess, data.test.y)
