"""Scaling of stored values: they are fed as they are, to 0..1, to -1..1, or standardized by the train split.

All four are one affine map, x -> (x - mean) / deviation, which a model file remembers.
"""

from math import prod
from typing import Annotated, Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tfopt.config.choices import Scale
from tfopt.data.lazy_arrays import LazyArray, pieces
from tfopt.data.raw_data import RawData
from tfopt.errors import InputError
from tfopt.typing import Array

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Scaling(BaseModel):
    """The affine map x -> (x - mean) / deviation; one number each, or one for each entry of the last axis.

    >>> scaling = Scaling(scale="signed", mean=127.5, deviation=127.5)
    >>> scaling(np.array([0, 255], np.uint8))
    array([-1.,  1.], dtype=float32)
    >>> scaling.inverse(np.array([-1.0, 1.0], np.float32))
    array([  0., 255.], dtype=float32)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Scale
    mean: Finite | list[Finite] = 0.0
    deviation: Positive | list[Positive] = 1.0

    @classmethod
    def fit(cls, scale: Scale | None, raw: RawData, x_train: Array) -> Self:
        """Choose the numbers for a scale.

        Args:
            scale: The scale; None takes the one that suits the source. Tokens are never scaled.
            raw: The raw data, for its kind and peak.
            x_train: Samples (N, ...) of the train split, from which `standard` takes the numbers.

        Returns:
            The scaling; features (N, F) and images with channels (N, H, W, C) are standardized for each entry of the
            last axis.
        """
        if raw.kind in ("tokens", "pairs"):
            return cls(scale="none")
        match scale or raw.scale:
            case "unit":
                return cls(scale="unit", deviation=raw.peak)
            case "signed":
                return cls(scale="signed", mean=raw.peak / 2, deviation=raw.peak / 2)
            case "standard":
                return cls.standard(x_train, whole=x_train.ndim == 3 and raw.kind == "image")
            case _:
                return cls(scale="none")

    @classmethod
    def standard(cls, x: Array, *, whole: bool = False) -> Self:
        """Standardize by x (N, ...): for each entry of the last axis, or with the same two numbers for the `whole`.

        >>> Scaling.standard(np.array([[0.0, 5.0], [2.0, 5.0]]))
        Scaling(scale='standard', mean=[1.0, 5.0], deviation=[1.0, 1.0])
        """
        axes = None if whole else tuple(range(x.ndim - 1))
        if isinstance(x, LazyArray):
            mean, deviation = _moments(x, axes)
        else:
            mean, deviation = x.mean(axis=axes, dtype=np.float64), x.std(axis=axes, dtype=np.float64)
        return cls(scale="standard", mean=mean.tolist(), deviation=np.where(deviation > 0, deviation, 1).tolist())

    def __call__(self, x: Array) -> Array:
        """Scale x (N, ...) to float32; raise `InputError` if it has another number of features."""
        self._check(x)
        if isinstance(x, LazyArray):
            return cast(Array, x.scaled(self))
        x = x.astype(np.float32)
        if self.mean != 0.0:
            x -= np.asarray(self.mean, np.float32)
        if self.deviation != 1.0:
            x /= np.asarray(self.deviation, np.float32)
        return x

    def inverse(self, x: Array) -> Array:
        """Bring scaled x (N, ...) back to the units of the data."""
        self._check(x)
        unscaled: Array = x * np.asarray(self.deviation, np.float32) + np.asarray(self.mean, np.float32)
        return unscaled

    def _check(self, x: Array) -> None:
        for numbers in (self.mean, self.deviation):
            if isinstance(numbers, list) and len(numbers) != x.shape[-1]:
                raise InputError(f"a scaling for {len(numbers)} features does not fit samples with {x.shape[-1]}")


def _moments(x: Array, axes: tuple[int, ...] | None) -> tuple[Array, Array]:
    """Return mean and standard deviation of a lazy array, which is fetched twice."""
    count = prod(x.shape if axes is None else x.shape[:-1])
    mean = sum(piece.sum(axis=axes, dtype=np.float64) for piece in pieces(x)) / count
    squares = sum(np.square(piece - mean).sum(axis=axes) for piece in pieces(x))
    return mean, np.sqrt(squares / count)


IDENTITY = Scaling(scale="none")
