"""The width at which an architecture has as many parameters as it may have."""

from collections.abc import Callable

from tfopt.errors import InputError
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.training.config import TrainConfig

WIDEST = 1024


def fit_width(config: TrainConfig, signature: Signature, parameters: int) -> TrainConfig:
    """Make an architecture as wide as it may be.

    Args:
        config: The architecture, and how it is trained.
        signature: The data that it is for.
        parameters: How many parameters it may have.

    Returns:
        The config with the largest width that is allowed: 4, or a multiple of 8.

    Raises:
        InputError: If even the narrowest has more parameters.
    """

    def count(width: int) -> int:
        return int(build(config.model_copy(update={"width": width}), signature).count_params())

    return config.model_copy(update={"width": largest_width(count, parameters, f"`arch` {config.arch}")})


def largest_width(count: Callable[[int], int], most: int, title: str) -> int:
    """Find the largest width by bisection.

    Args:
        count: Number of parameters at a width.
        most: How many there may be.
        title: What to call the architecture in a sentence.

    Returns:
        4, or a multiple of 8.

    Raises:
        InputError: If the narrowest has more parameters.
    """
    narrowest = count(4)
    if narrowest > most:
        raise InputError(
            f"{title} has at least {narrowest:,} parameters on this data, more than the {most:,} it may have"
        )
    low, high = 0, WIDEST // 8 + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(8 * middle) <= most else (low, middle)
    return 8 * low or 4
