"""Bayesian against random search: 20 trials of a CNN on digits each, few epochs, three seeds."""

import sys

import numpy as np

import tfopt
from tfopt.data.config import DataConfig
from tfopt.data.loader import load

SEEDS, TRIALS, EPOCHS = 3, 20, 4


def main() -> int:
    data = load(DataConfig())
    for search in ("random", "bayes"):
        found = [_winner(search, seed, data) for seed in range(SEEDS)]
        validation, test, epochs = np.mean(found, axis=0)
        print(
            f"{search}: validation {validation:.2%}, test {test:.2%}, {epochs:.0f} epochs trained (means of {SEEDS})"
            f" from {', '.join(f'{v:.2%} / {t:.2%}' for v, t, _ in found)}",
            flush=True,
        )
    return 0


def _winner(search: str, seed: int, data) -> tuple[float, float, int]:
    """Validation accuracy and test accuracy of the best model, and the epochs of all trials."""
    config = tfopt.TuneConfig(search=search, trials=TRIALS, epochs=EPOCHS, seed=seed)
    report = tfopt.tune(config, data).report
    best = max(trial.score for trial in report.trials if trial.state == "complete")
    return best, report.measurements[0].accuracy.value, sum(trial.epochs for trial in report.trials)


if __name__ == "__main__":
    sys.exit(main())
