"""A variant of a quantized file: operations that are stored otherwise than the config says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """Names operations by their first outputs.

    Attributes:
        spared: Those that stay in float, or get 8 bits if the others have fewer.
        widths: Those whose weights have so many bits, while all others have 8; None for what the config says.
        clipped: Whether ranges of activations are clipped to the least squared error.
    """

    spared: Sequence[str] = ()
    widths: Mapping[int, Sequence[str]] | None = None
    clipped: bool = False
