"""The search space, as data: which options of a training are tried, and between which limits.

A grid needs few values of few options: `points` says how many, spread evenly over the range or the list, and 0 that
the option keeps its default there. Options of a model are named after its architecture where several are tried, so
that a width of 32 filters is not taken for one of 32 units.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfopt.config.choices import Arch, Task
from tfopt.data.raw_data import InputKind
from tfopt.models.architectures import PARTS
from tfopt.training.config import TrainConfig
from tfopt.tuning.config import TuneConfig
from tfopt.typing import Options

Value = str | int | float | bool
Point = dict[str, Value]


class Suggesting(Protocol):
    """Anything that a sampler answers with; an `optuna.Trial`."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = ...) -> float:
        """A number of a range."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = ...) -> int:
        """A whole number of a range."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of a list."""


class Range(NamedTuple):
    """Numbers from `low` to `high`; on a logarithmic scale with `log`."""

    name: str
    low: float
    high: float
    points: int = 0
    log: bool = False

    def suggested(self, trial: Suggesting, key: str) -> Value:
        """Ask for a number, whole if the limits are."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(key, self.low, self.high, log=self.log)
        return rounded(trial.suggest_float(key, self.low, self.high, log=self.log))

    def grid(self) -> list[Value]:
        """`points` numbers with the same distance, or the same ratio."""
        spread = np.geomspace if self.log else np.linspace
        numbers = [rounded(float(number)) for number in spread(self.low, self.high, self.points)]
        return [round(number) for number in numbers] if isinstance(self.low, int) else list(numbers)


class Choice(NamedTuple):
    """One of `values`."""

    name: str
    values: tuple[Value, ...]
    points: int = 0

    def suggested(self, trial: Suggesting, key: str) -> Value:
        """Ask for one of the values."""
        value: Value = trial.suggest_categorical(key, self.values)
        return value

    def grid(self) -> list[Value]:
        """`points` of the values, from the first to the last."""
        return [self.values[round(index)] for index in np.linspace(0, len(self.values) - 1, self.points)]


Option = Range | Choice

TRAINING: tuple[Option, ...] = (
    Range("learning_rate", 1e-4, 1e-2, points=3, log=True),
    Choice("batch_size", (16, 32, 64, 128), points=2),
    Choice("decay", ("constant", "cosine")),
    Range("dropout", 0.0, 0.5, points=2),
    Range("weight_decay", 1e-5, 1e-1, log=True),
)
PENALTY = Range("l2", 1e-6, 1e-3, log=True)
SIZES = Choice("size", ("tiny", "small", "base"), points=3)
WIDTHS = Choice("width", (32, 64, 128), points=2)
HEADS = Choice("heads", (2, 4, 8))
CELL = Choice("cell", ("lstm", "gru"))
BOTH_WAYS = Choice("bidirectional", (False, True))
MODEL: dict[Arch, tuple[Option, ...]] = {
    "mlp": (Range("width", 32, 512, points=2, log=True), Range("depth", 1, 4, points=2)),
    "cnn": (
        Range("width", 8, 48, points=2, log=True),
        Range("depth", 1, 3, points=2),
        Choice("residual", (False, True)),
    ),
    "mobilenet": (SIZES,),
    "rnn": (Range("width", 16, 128, points=2, log=True), Range("depth", 1, 3, points=2), CELL, BOTH_WAYS),
    "transformer": (WIDTHS, Range("depth", 1, 4, points=2), HEADS),
    "hybrid": (SIZES, Choice("parts", ("rnn", "attention", "rnn+attention")), CELL, BOTH_WAYS),
    "unet": (Range("width", 8, 32, points=2, log=True), Range("depth", 1, 4, points=2)),
    "seq2seq": (WIDTHS, Range("depth", 1, 3, points=2), HEADS),
}
AUGMENTATION: dict[InputKind, Choice] = {
    "image": Choice("augment", ("none", "crop", "flip+crop", "crop+rotate", "mixup")),
    "features": Choice("augment", ("none", "noise")),
    "series": Choice("augment", ("none", "noise")),
    "tokens": Choice("augment", ("none", "noise")),
    "pairs": Choice("augment", ("none", "noise")),
}


def rounded(number: float) -> float:
    """To three digits, which a person can type and no training can tell from more."""
    return float(f"{number:.3g}")


class Space(NamedTuple):
    """Options that are searched for data of one kind, and those of each of `archs`; `coarse` is for a grid."""

    archs: tuple[Arch, ...]
    kind: InputKind
    task: Task
    coarse: bool

    def options(self, arch: Arch) -> Iterator[tuple[str, Option]]:
        """Each option with the name it has in a study."""
        # A penalty is part of the loss: by the loss, which judges translations, trials with it could not be compared.
        penalties = () if self.task == "translation" else (PENALTY,)
        for option in (*TRAINING, *penalties, AUGMENTATION[self.kind], *MODEL[arch]):
            alone = len(self.archs) == 1 or option not in MODEL[arch]
            if option.points or not self.coarse:
                yield option.name if alone else f"{arch}.{option.name}", option

    def suggested(self, trial: Suggesting) -> Point:
        """Ask for an architecture and then for what that takes; values by the names of the fields of a config."""
        arch: Arch = trial.suggest_categorical("arch", self.archs) if len(self.archs) > 1 else self.archs[0]
        point: Point = {"arch": arch}
        for key, option in self.options(arch):
            if _applies(option, point):
                point[option.name] = option.suggested(trial, key)
        return point

    def grid(self) -> list[Point]:
        """Every point of the coarse grid, by the names of a study."""
        points: list[Point] = []
        for arch in self.archs:
            axes = {key: option.grid() for key, option in self.options(arch) if option.points}
            chosen: Point = {"arch": arch} if len(self.archs) > 1 else {}
            points.extend({**chosen, **dict(zip(axes, values, strict=True))} for values in product(*axes.values()))
        return points

    def described(self) -> dict[str, list[list[Any]]]:
        """The space as JSON has it, by which another one is noticed."""
        return {arch: [[key, *_plain(option)] for key, option in self.options(arch)] for arch in self.archs}


def _applies(option: Option, point: Point) -> bool:
    """Return whether an option is about the parts that a hybrid has by what was chosen before."""
    return "parts" not in point or PARTS.get(option.name, "") in str(point["parts"])


def _plain(option: Option) -> list[Any]:
    return [list(value) if isinstance(value, tuple) else value for value in option]


def train_config(config: TuneConfig, point: Point) -> TrainConfig:
    """Return the config of the training that a point of the space stands for."""
    given: Options = dict(point)
    if "augment" in given:
        given["augment"] = () if given["augment"] == "none" else tuple(given["augment"].split("+"))
    fixed = {"epochs": config.epochs, "patience": config.patience, "seed": config.seed}
    return TrainConfig.model_validate({**fixed, **given})
