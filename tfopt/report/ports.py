"""The inputs and outputs of a model: their names, shapes and types, and what integers in them stand for."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Port(BaseModel):
    """An input or output; None where a size is free, a name is not known, or numbers are not quantized.

    A quantized integer q stands for the real number `scale` * (q - `zero_point`) (Jacob et al. 2018, arXiv:1712.05877,
    eq. 1).
    """

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    shape: list[int | None]
    dtype: str | None
    scale: float | None = None
    zero_point: int | None = None


def described(port: Port) -> str:
    """Say what a port is.

    Example:
        >>> described(Port(name="x", shape=[1, 8], dtype="int8", scale=0.5, zero_point=-128))
        'x: 1x8 int8, scale 0.5, zero point -128'
    """
    shape = "x".join("?" if size is None else str(size) for size in port.shape)
    named = f"{port.name}: " if port.name else ""
    numbers = "" if port.scale is None else f", scale {port.scale:.9g}, zero point {port.zero_point}"
    return f"{named}{shape}{f' {port.dtype}' if port.dtype else ''}{numbers}"


def quantized_lines(name: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    """Say of a file what the integers that it takes and gives stand for; nothing where they are floats."""
    sides = (("takes", inputs), ("gives", outputs))
    return [f"{name} {word} {described(port)}" for word, ports in sides for port in ports if port.scale is not None]
