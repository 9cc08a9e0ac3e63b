"""A small student taught by a large CNN against the same student trained on the labels alone, over several seeds.

Both have the same initial weights, batches, epochs and learning rate, and are selected by the labels of the validation
split; only `alpha` differs. Temperature and alpha are those that do best on the validation split of seeds that are not
reported. Prints the test accuracy of both and their paired difference with its 95 % interval (Student's t over seeds).

    python benchmarks/distillation.py [TEACHER.keras] [--width 4] [--epochs 80] [--tuning-seeds 1] [--features]
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from tfopt.core.context import Context
from tfopt.core.provenance import data_for
from tfopt.data.dataset import Dataset, Split
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.models.config import ModelConfig
from tfopt.runtime.progress import Silent
from tfopt.tasks.registry import rules_of
from tfopt.techniques.distillation.config import DistillConfig
from tfopt.techniques.distillation.distill import distill_student

SEEDS, FIRST_TUNING_SEED = range(5), 100
TEMPERATURES, ALPHAS = (2.0, 4.0, 8.0), (0.1, 0.5)


def main() -> None:
    options = _options()
    teacher = load_keras(options.teacher)
    data, _ = data_for(teacher, None, Silent())
    base = DistillConfig(
        student=ModelConfig(arch="cnn", width=options.width, dropout=0.0),
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        patience=options.epochs,
        features=options.features,
    )
    print(f"teacher: {_accuracy(teacher, data.test):.2%} of {len(data.test):,}; {len(data.train):,} training samples")
    chosen = _chosen(teacher, base, data, range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + options.tuning_seeds))
    alone, taught = (
        np.array([_tested(teacher, base.model_copy(update={**how, "seed": seed}), data) for seed in SEEDS])
        for how in ({"alpha": 1.0, "features": False}, chosen)
    )
    print(f"alone:   {alone.mean():.2%} ({', '.join(f'{a:.2%}' for a in alone)})")
    print(f"taught:  {taught.mean():.2%} ({', '.join(f'{a:.2%}' for a in taught)})")
    low, high = _interval(taught - alone)
    verdict = "better than alone" if low > 0 else "worse than alone" if high < 0 else "no clear difference"
    print(f"difference {100 * (taught - alone).mean():+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}: {verdict}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", nargs="?", default="sample_models/digits-cnn.keras")
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--tuning-seeds", type=int, default=1)
    parser.add_argument("--features", action="store_true")
    return parser.parse_args()


def _chosen(teacher: KerasArtifact, base: DistillConfig, data: Dataset, seeds: range) -> dict[str, float]:
    """The temperature and alpha with the best mean accuracy on the validation split."""
    found = {}
    for temperature in TEMPERATURES:
        for alpha in ALPHAS:
            how = {"temperature": temperature, "alpha": alpha}
            runs = [_run(teacher, base.model_copy(update={**how, "seed": seed}), data) for seed in seeds]
            found[temperature, alpha] = np.mean([_accuracy(run, data.validation) for run in runs])
            print(f"  T {temperature:g}, alpha {alpha:g}: {found[temperature, alpha]:.2%} of the validation split")
    temperature, alpha = max(found, key=lambda key: found[key])
    print(f"chosen: T {temperature:g}, alpha {alpha:g}")
    return {"temperature": temperature, "alpha": alpha}


def _tested(teacher: KerasArtifact, config: DistillConfig, data: Dataset) -> float:
    return _accuracy(_run(teacher, config, data), data.test)


def _run(teacher: KerasArtifact, config: DistillConfig, data: Dataset) -> KerasArtifact:
    return distill_student(teacher, None, config, Context.of(data, Silent())).artifact


def _accuracy(model: KerasArtifact, split: Split) -> float:
    return float(rules_of("classification").scores(model.predict(split.inputs), split.y).mean())


def _interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of the mean of paired differences, in points."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    reach = t.ppf(0.975, len(differences) - 1) * error
    return 100 * (differences.mean() - reach), 100 * (differences.mean() + reach)


if __name__ == "__main__":
    main()
