"""The metric that models are judged by, in place of accuracy or the mean absolute error."""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema

from tfopt.config.fields import Config, Option

MetricName = Literal[
    "accuracy", "balanced-accuracy", "macro-f1", "roc-auc", "average-precision", "mean-iou", "mae", "rmse", "r2"
]
METRICS: tuple[MetricName, ...] = get_args(MetricName)
FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*(:lower)?")


def is_function(metric: object) -> bool:
    """Tell whether a metric is a function of a user's own, to import or there already.

    >>> is_function("my_metrics:cost:lower"), is_function("keras:AUC"), is_function("macro-f1")
    (True, False, False)
    """
    if not isinstance(metric, str):
        return callable(metric)
    return not metric.startswith("keras:") and FUNCTION.fullmatch(metric) is not None


def _spelled(given: Any) -> Any:
    """Write the names of tfopt as they are listed, and refuse what can be no name at all."""
    if not isinstance(given, str):
        return given
    name = given.strip().lower().replace("_", "-")
    if name in METRICS:
        return name
    if not re.fullmatch(r"[\w.-]+(:\w+){0,2}", given.strip()):
        raise ValueError(f"{given!r} is no name of a metric; there are {', '.join(METRICS)}")
    return given.strip()


def _written(given: Any) -> Any:
    """Name a function by where it stands."""
    return f"{given.__module__}:{given.__qualname__}" if callable(given) else given


Metric = Annotated[
    str | Callable[..., Any],
    AfterValidator(_spelled),
    PlainSerializer(_written),
    WithJsonSchema({"type": "string"}),
]


class MetricConfig(Config):
    """The metric by which models are measured, chosen and held to limits."""

    panel: ClassVar[str] = "Limits"

    metric: Annotated[
        Metric | None,
        Field(
            description=f"Judge by {', '.join(METRICS[:-1])} or {METRICS[-1]}, a metric of Keras as keras:AUC, or a"
            " function of your own as module:function, which is imported. Left out: accuracy, or the mean absolute"
            " error."
        ),
        Option("NAME", text=True),
    ] = None
