"""The width and depth of a model: `--size` chooses them for its architecture, and other options override them."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd

from tfopt.config.choices import Size
from tfopt.errors import InputError
from tfopt.models.config import ModelConfig


@dataclass(frozen=True)
class Dimensions:
    """`width` and `depth` count what they do in each builder; `heads` is 0 where there is no attention."""

    width: int
    depth: int
    heads: int = 0
    dropout: float = 0.2


Sizes = Mapping[Size, Dimensions]


def resolve_dimensions(config: ModelConfig, sizes: Sizes) -> Dimensions:
    """Return the dimensions of the size that is asked for, overridden by those that are given; as many heads as fit."""
    size = sizes[config.size]
    width = config.width or size.width
    return Dimensions(
        width,
        config.depth or size.depth,
        config.heads or (gcd(width, size.heads) if size.heads else 0),
        size.dropout if config.dropout is None else config.dropout,
    )


def head_size(width: int, heads: int) -> int:
    """Return the width of one of `heads` attention heads; raise `InputError` if they cannot share `width` evenly.

    >>> head_size(64, 4)
    16
    """
    if width % heads:
        raise InputError(f"`heads` {heads} does not divide the width of {width} evenly")
    return width // heads
