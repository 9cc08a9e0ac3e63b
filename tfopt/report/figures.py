"""Figures as a person reads them: sizes, scores with their names, changes, and the ends of intervals."""

from math import isfinite

from tfopt.config.choices import Task

EMPTY = "[dim]-[/]"
TOO_FEW = "too few independent samples for an interval"
NO_INTERVAL = "no interval: there are answers that are not finite"


def format_size(count: float) -> str:
    """Write a number of bytes as kB or MB.

    Example:
        >>> format_size(72_640), format_size(16_860_000)
        ('72.6 kB', '16.86 MB')
    """
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def format_score(value: float, task: Task) -> str:
    """Write a figure of merit with its name: an accuracy, a BLEU, or a mean absolute error."""
    match task:
        case "classification" | "multi-label":
            return f"{value:.2%} accuracy"
        case "segmentation":
            return f"{value:.2%} of pixels right"
        case "translation":
            return f"BLEU {value:.1f}"
        case "compiled":
            return f"a loss of {value:.4g}"
        case "several":
            return f"{value:.4g} of a guess's error"
        case _:
            return f"an MAE of {value:.4g}"


def relative(change: float | None, *, less_is_good: bool = True) -> str:
    """Write by which share something grew."""
    if change is None:
        return ""
    if abs(change) < 0.0005:
        return " [dim](same)[/]"
    color = "green" if (change < 0) == less_is_good else "red"
    return f" [{color}]({change:+.1%})[/]"


def points(change: float) -> str:
    """Write a change in points."""
    color = "dim" if change == 0 else "green" if change > 0 else "red"
    return f" [{color}]({change * 100:+.2f} pt)[/]"


def ends(value: float, low: float | None, high: float | None, form: str) -> str:
    """Write an interval, or why there is none."""
    if low is None or high is None:
        return TOO_FEW if isfinite(value) else NO_INTERVAL
    return f"{low:{form}} to {high:{form}}"
