"""The metrics by their names: those of tfopt, those of Keras, and functions of a user's own.

A function `module:function` is imported because whoever types the command or writes the script names it. A model or a
recipe file never names one (see `tfopt.core.recipe_file`).
"""

import importlib
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import numpy as np

from tfopt.config.metric import METRICS, is_function
from tfopt.errors import InputError
from tfopt.evaluation.metrics import class_counts, classes, errors, ranking
from tfopt.evaluation.metrics.metric import Metric
from tfopt.tasks.rules import TaskRules
from tfopt.typing import Array

MetricLike: TypeAlias = str | Callable[[Array, Array], float]

CLASSES = frozenset({"classification", "segmentation"})
LABELS = frozenset({"multi-label"})
NUMBERS = frozenset({"regression", "forecasting", "image-to-image"})
HIGHER = re.compile("Accuracy|Precision|Recall|AUC|IoU|F1|FBeta|Similarity|R2|Specificity|Sensitivity|Pearson|Concord")
LOWER = re.compile("Error|Loss|Crossentropy|Divergence|Hinge|LogCosh|Poisson")

KNOWN: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", classes.accuracy, CLASSES | {"translation"} | LABELS,
            of_draws=class_counts.of_draws(class_counts.accuracy),
        ),
        Metric(
            "balanced-accuracy", classes.balanced_accuracy, CLASSES,
            by_class=True, of_draws=class_counts.of_draws(class_counts.balanced_accuracy),
        ),
        Metric(
            "macro-f1", classes.macro_f1, CLASSES | LABELS,
            by_class=True, of_draws=class_counts.of_draws(class_counts.macro_f1),
        ),
        Metric(
            "roc-auc", ranking.roc_auc, frozenset({"classification", "anomaly"}) | LABELS,
            by_class=True, of_draws=ranking.of_draws(ranking.drawn_roc_auc), undefined=ranking.undefined,
        ),
        Metric(
            "average-precision", ranking.average_precision, frozenset({"classification", "anomaly"}) | LABELS,
            by_class=True, of_draws=ranking.of_draws(ranking.drawn_average_precision), undefined=ranking.undefined,
        ),
        Metric(
            "mean-iou", classes.mean_iou, frozenset({"segmentation"}),
            by_class=True, of_draws=class_counts.of_draws(class_counts.mean_iou),
        ),
        Metric(
            "mae", errors.mean_absolute, NUMBERS, higher_is_better=False, of_draws=errors.drawn_mean_absolute,
        ),
        Metric(
            "rmse", errors.root_mean_squared, NUMBERS, higher_is_better=False, of_draws=errors.drawn_root_mean_squared,
        ),
        Metric("r2", errors.r2, NUMBERS, of_draws=errors.drawn_r2, undefined=errors.constant),
    )
}  # fmt: skip


def find_metric(asked: MetricLike | None, rules: TaskRules) -> Metric | None:
    """Return the metric that was asked for; None for the accuracy or the mean absolute error that count anyway.

    Args:
        asked: A name of tfopt, a metric of Keras as `keras:Name` or by the name of its class, a function of labels and
            answers, or where one is to be imported from: `module:function`, with `:lower` after it if it is an error.
        rules: Those of the task.

    Raises:
        InputError: If there is no such metric, or it does not suit the task.
    """
    usual = "accuracy" if rules.counts_right else "mae"
    if asked is None or (asked == usual and rules.task in KNOWN[usual].tasks):
        return None
    if not isinstance(asked, str):
        return Metric(getattr(asked, "__name__", "metric"), asked, higher_is_better=_says_higher(asked))
    if asked in KNOWN:
        return _suited(KNOWN[asked], rules)
    if is_function(asked):
        return _imported(asked)
    return _of_keras(asked, rules)


def _suited(metric: Metric, rules: TaskRules) -> Metric:
    if rules.task in metric.tasks:
        return metric
    suited = [name for name, one in KNOWN.items() if rules.task in one.tasks]
    there = f"for that there are {', '.join(suited)}" if suited else "that is judged by its own error only"
    raise InputError(f"`metric` {metric.name} does not suit {rules.task}: {there}")


def _says_higher(function: object) -> bool:
    return bool(getattr(function, "higher_is_better", True))


def _imported(asked: str) -> Metric:
    module, name, *direction = asked.split(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        function = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # anything can happen in a user's code
        line = " ".join(str(error).split())[:200]
        raise InputError(f"`metric` {asked} cannot be imported: {type(error).__name__}: {line}") from error
    finally:
        sys.path.pop(0)
    if not callable(function):
        raise InputError(f"`metric` {asked} is no function of labels and answers, but a {type(function).__name__}")
    return Metric(f"{module}:{name}", function, higher_is_better=_says_higher(function) and direction != ["lower"])


def _of_keras(asked: str, rules: TaskRules) -> Metric:
    import keras

    name = asked.removeprefix("keras:")
    kind = getattr(keras.metrics, name, None)
    if not (isinstance(kind, type) and issubclass(kind, keras.metrics.Metric)):
        there = [one for one in dir(keras.metrics) if isinstance(getattr(keras.metrics, one), type)]
        alike = get_close_matches(asked.lower().replace("_", "-"), METRICS, 1) or get_close_matches(name, there, 1)
        hint = f"did you mean {alike[0]}?" if alike else f"there are {', '.join(METRICS)} and the metrics of Keras"
        raise InputError(f"`metric` {asked} is not known: {hint}")
    if not HIGHER.search(name) and not LOWER.search(name):
        raise InputError(f"`metric` {asked} is no figure of merit: nobody knows whether more of it is better")
    try:
        kind()
    except TypeError as error:
        raise InputError(
            f"`metric` {asked} needs arguments: write a function `module:function` that has them"
        ) from error

    def figure(y: Array, answers: Array) -> float:
        metric = kind()
        metric.update_state(*_as_keras_takes(name, y, answers, rules))
        found = np.asarray(metric.result())
        if found.ndim:
            raise InputError(f"`metric` {asked} gives {found.size} numbers: write a function that makes one of them")
        return float(found)

    return Metric(name, figure, higher_is_better=not LOWER.search(name))


def _as_keras_takes(name: str, y: Array, answers: Array, rules: TaskRules) -> tuple[Array, Array]:
    """Return labels and answers of classes as a metric of Keras takes them."""
    if not rules.has_classes or name.startswith("Sparse"):
        return y, answers
    if answers.shape[-1] == 2 and not name.startswith("Categorical"):
        return y[..., np.newaxis].astype(np.float32), answers[..., 1:]
    return np.eye(answers.shape[-1], dtype=np.float32)[y], answers
