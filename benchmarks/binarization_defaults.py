"""How binarization is done by default, chosen on the validation split of several models and data sets.

`rounding` compares how the scale of a rounded channel is set, `training` compares learning rates and weights of the
teacher, `activations` the same with signs of activations.
FOLDER (`--shared`) has data sets that are not part of the project; without it the digits have to do.
"""

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import keras
import numpy as np
from keras import layers

from tfopt.config.choices import Scale
from tfopt.core.context import Context
from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.loader import load
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.graph.model_copy import rebuild
from tfopt.graph.moments import Moments
from tfopt.runtime.progress import Silent
from tfopt.techniques.binarization.binarize import train_rounded
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import plan
from tfopt.techniques.binarization.post_training import best_rounding
from tfopt.techniques.rounding import sequential
from tfopt.techniques.rounding.levels import Levels, values
from tfopt.techniques.rounding.matching import Matched, matched
from tfopt.training.config import TrainConfig
from tfopt.training.seeds import seed_everything
from tfopt.training.train import train
from tfopt.typing import Array

SEEDS = 3
TRAINED, JUDGED = 3000, 1000  # samples of a larger data set
RATES, RATES_WITH_SIGNS = (0.002, 0.006, 0.02), (0.003, 0.01, 0.03)
WEIGHTS = (0.5, 0.9)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A float model, and the data it is binarized on."""

    name: str
    artifact: KerasArtifact
    data: Dataset


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("part", choices=["rounding", "training", "activations"])
    options.add_argument("--only", default="", help="Subjects whose name matches this.")
    options.add_argument("--shared", type=Path, default=Path("../shared"))
    given = options.parse_args()
    keras.utils.disable_interactive_logging()
    part = {"rounding": rounding, "training": training, "activations": partial(training, activations=True)}[given.part]
    totals: dict[str, list[tuple[float, float]]] = {}
    for subject in subjects(given.shared, given.only, trained=given.part != "rounding"):
        for option, accuracy, loss in part(subject):
            print(f"{subject.name:20}{option:44}{accuracy:8.2%} loss {loss:.4f}", flush=True)
            totals.setdefault(option, []).append((accuracy, loss))
    for option, found in totals.items():
        accuracy, loss = np.mean(found, axis=0)
        print(f"{'mean of ' + str(len(found)):20}{option:44}{accuracy:8.2%} loss {loss:.4f}")
    return 0


def subjects(shared: Path, only: str, *, trained: bool) -> Iterator[Subject]:
    """Float models of several kinds, three of the digits; those whose name matches `only`."""
    cnn, digits = TrainConfig(arch="cnn"), partial(load, DataConfig())
    makers: dict[str, Callable[[str], Subject]] = {
        f"digits cnn, seed {seed}": partial(made, data=digits, config=TrainConfig(seed=seed)) for seed in range(SEEDS)
    }
    if not trained:
        makers["digits, no bias"] = partial(without_bias, data=digits)
    for name, scale, config in (
        ("fashion_mnist_dev", "unit", cnn.model_copy(update={"epochs": 8})),
        ("fsdd_logmel_dev", "none", cnn.model_copy(update={"epochs": 10})),
        ("koi_exoplanets", "standard", TrainConfig(arch="mlp", epochs=20)),
    ):
        makers[name] = partial(made, data=partial(smaller, shared, name, scale), config=config)
    makers["resnet8"] = partial(resnet, shared=shared)
    for name, make in makers.items():
        if re.search(only, name):
            try:
                yield make(name)
            except InputError as error:
                print(f"{name} is left out: {error}")


def made(name: str, data: Callable[[], Dataset], config: TrainConfig) -> Subject:
    """A model that is trained here."""
    loaded = data()
    return Subject(name, KerasArtifact.from_model(train(config, loaded, Silent()).model, "float.keras"), loaded)


def smaller(shared: Path, name: str, scale: Scale) -> Dataset:
    """The first samples of a data set, which are enough to compare by."""
    data = load(DataConfig(source=str(shared / "data" / f"{name}.npz"), scale=scale))
    return dataclasses.replace(
        data, train=data.train.rows(slice(TRAINED)), validation=data.validation.rows(slice(JUDGED))
    )


def without_bias(name: str, data: Callable[[], Dataset]) -> Subject:
    """A network whose layers cannot shift their outputs."""
    seed_everything(0)
    loaded = data()
    model = keras.Sequential([keras.Input(loaded.train.x.shape[1:]), layers.Flatten()])
    for units, activation in ((96, "relu"), (96, "relu"), (10, None)):
        model.add(layers.Dense(units, activation, use_bias=False))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss=loss)
    model.fit(loaded.train.x, loaded.train.y, batch_size=64, epochs=30, verbose=0)
    return Subject(name, KerasArtifact.from_model(model, "no-bias.keras"), loaded)


def resnet(name: str, shared: Path) -> Subject:
    """The reference model of MLPerf Tiny for images."""
    path = shared / "models" / "mlperf_tiny" / "tiny_resnet8_cifar10.h5"
    return Subject(name, load_keras(path), smaller(shared, "cifar10_jpeg_small", "none"))


def rounding(subject: Subject) -> Iterator[tuple[str, float, float]]:
    """Each way to set the scale, each mode."""
    context = Context.of(subject.data, Silent())
    for mode, squares in product(("binary", "ternary"), (False, True)):
        config = BinarizeConfig(post_training=True, mode=mode, keep_first_last=False)
        sequential.matched = least_squares if squares else matched
        try:
            model = rebuild(subject.artifact.model, subject.name)
            levels = plan(model, config, subject.name).levels
            made = best_rounding(model, levels, context.data, context.evaluator, subject.name, Silent())
        finally:
            sequential.matched = matched
        yield f"{mode}, {'least squares' if squares else 'variance'}", *judged(context, made.model, subject)


def least_squares(kernel: Array, levels: Levels, fed: Moments, **options: object) -> Matched:
    """The scale whose outputs are nearest to those of the float model, in place of that of their variance."""
    chosen, scale, _ = matched(kernel, levels, fed, **options)
    both, own = (np.sum(chosen * moment, axis=1) for moment in (fed.cross, fed.second @ (chosen * 1.0)))
    known = (both > 0) & (own > 0)
    scale = np.where(known, np.where(known, both, 1) / np.where(known, own, 1), scale)
    shift = fed.mean_answer - np.sum(fed.mean[..., np.newaxis] * values(chosen, scale), axis=1)
    return Matched(chosen, scale, shift)


def training(subject: Subject, *, activations: bool = False) -> Iterator[tuple[str, float, float]]:
    """Each learning rate with each weight of the teacher."""
    context = Context.of(subject.data, Silent())
    for rate, weight in product(RATES_WITH_SIGNS if activations else RATES, WEIGHTS):
        config = BinarizeConfig(
            learning_rate=rate, teacher_weight=weight, activations=activations, keep_first_last=False
        )
        seed_everything(config.seed)
        chosen = plan(subject.artifact.fresh_model(), config, subject.name)
        made = train_rounded(subject.artifact, chosen, config, context.data, Silent())
        yield f"rate {rate:g}, teacher {weight:g}", *judged(context, made.model, subject)


def judged(context: Context, model: keras.Model, subject: Subject) -> tuple[float, float]:
    """Accuracy and loss on the validation split."""
    probabilities = subject.artifact.gives_probabilities()
    outputs = model.predict(list(subject.data.validation.inputs), verbose=0)
    right = context.evaluator.scored(outputs, probabilities=probabilities)
    return float(right.mean()), context.evaluator.loss(model)()


if __name__ == "__main__":
    sys.exit(main())
