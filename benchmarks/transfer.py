"""Transfer from five classes to the other five of a data set with 20 samples each, against training from scratch.

The trunk is trained on the classes 0 to 4. Both then learn the classes 5 to 9 from the same 20 samples of each, with
the same 50 validation samples and the same number of epochs, and are tested on all test samples of these classes; five
seeds, which draw the samples too.
"""

import argparse
from dataclasses import replace

import numpy as np
from scipy.stats import t

from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.loader import load
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.runtime.progress import Silent
from tfopt.tasks.registry import rules_for
from tfopt.training.config import TrainConfig
from tfopt.training.train import train

SEEDS, A_CLASS, EPOCHS, BATCH = 5, 20, 80, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="digits", help="a data set with ten classes")
    parser.add_argument("--epochs", type=int, default=30, help="epochs of the trunk")
    options = parser.parse_args()
    data = load(DataConfig(source=options.data))
    base = train(TrainConfig(arch="cnn", epochs=options.epochs), half(data, range(5)), Silent()).model
    trunk = KerasArtifact.from_model(base, "base.keras")
    differences = []
    for seed in range(SEEDS):
        few = some(half(data, range(5, 10)), seed)
        scratch = train(TrainConfig(arch="cnn", seed=seed, epochs=EPOCHS, batch_size=BATCH), few, Silent()).model
        config = TrainConfig(base="base.keras", seed=seed, epochs=EPOCHS // 2, batch_size=BATCH)
        moved = train(config, few, Silent(), base=trunk.fresh_model).model
        found = [accuracy(model, few) for model in (scratch, moved)]
        differences.append(found[1] - found[0])
        print(f"seed {seed}: from scratch {found[0]:.2%}, transferred {found[1]:.2%}", flush=True)
    mean = np.mean(differences)
    margin = t.ppf(0.975, SEEDS - 1) * np.std(differences, ddof=1) / np.sqrt(SEEDS)
    mean, low, high = (100 * value for value in (mean, mean - margin, mean + margin))
    print(f"difference {mean:+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}")


def half(data: Dataset, classes: range) -> Dataset:
    """The samples of some classes, renamed to 0, 1, ..."""

    def of(split):
        kept = split.rows(np.isin(split.y, classes))
        return replace(kept, y=kept.y - classes[0])

    return replace(data, num_classes=len(classes), **{name: of(split) for name, split in data.splits()})


def some(data: Dataset, seed: int) -> Dataset:
    """20 samples of each class to train on; the validation split shrinks alike, the test split stays whole."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(data.train.y == label))[:A_CLASS] for label in range(data.num_classes)]
    return replace(data, train=data.train.rows(np.concatenate(rows)), validation=data.validation.rows(slice(50)))


def accuracy(model, data: Dataset) -> float:
    outputs = KerasArtifact.from_model(model, "model.keras").predict(data.test.inputs)
    return float(rules_for(data).scores(outputs, data.test.y).mean())


if __name__ == "__main__":
    main()
