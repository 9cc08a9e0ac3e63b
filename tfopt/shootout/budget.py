"""The width at which an architecture has as many parameters as it may have."""

from collections.abc import Callable

from tfopt.errors import InputError
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.training.config import TrainConfig

WIDEST = 1024


def fitted(config: TrainConfig, signature: Signature, parameters: int) -> TrainConfig:
    """Return `config` with the largest width whose model has at most `parameters`, a multiple of 8 from 8 on.

    Raises `InputError` if even the narrowest has more.
    """

    def count(width: int) -> int:
        return int(build(config.model_copy(update={"width": width}), signature).count_params())

    return config.model_copy(update={"width": largest(count, parameters, f"--arch {config.arch}")})


def largest(count: Callable[[int], int], most: int, title: str) -> int:
    """The largest width with count(width) <= most, by bisection: 4, or a multiple of 8."""
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
