"""Figures as a person reads them: sizes, and scores with their names."""

from tfopt.config.choices import Task


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
