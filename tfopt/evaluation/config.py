"""Limits that a result or the files of a comparison are held to."""

from typing import Annotated, ClassVar, Self

from pydantic import ByteSize, Field, model_validator

from tfopt.config.fields import Drop, Fraction, Growth, Option, Share
from tfopt.config.metric import MetricConfig


class AnswerLimits(MetricConfig):
    """Limits on what answers may lose: points of accuracy, or how much the error of a regression or forecast grows.

    With a `metric`, points of that are lost if more of it is better; otherwise it is an error that grows.
    """

    panel: ClassVar[str] = "Limits"

    max_drop: Annotated[
        Drop | None,
        Field(description="Fail if accuracy, or the `metric`, falls by more: 1% or 0.01 is one point."),
    ] = None
    max_error_growth: Annotated[
        Growth | None,
        Field(description="Fail if the error grows by a larger share of itself: 10% or 0.1."),
    ] = None
    confidence: Annotated[
        Fraction | None,
        Field(description="Hold the worse end of the interval of the loss with this confidence to the limit: 0.95."),
    ] = None

    @property
    def limited(self) -> str | None:
        """Return the field that limits what answers may lose; None if none does."""
        return next((name for name in ("max_drop", "max_error_growth") if getattr(self, name) is not None), None)


class Gates(AnswerLimits):
    """Limits that every file of a comparison must respect, but for the first, which is the baseline."""

    panel: ClassVar[str] = "Limits"

    max_size: Annotated[
        ByteSize | None, Field(description="Fail if a file is larger: 30kB, 1.5MB."), Option("SIZE")
    ] = None

    min_agreement: Annotated[
        Share | None,
        Field(description="Fail if a file says the class that the baseline says less often: 99% or 0.99; no labels."),
    ] = None

    @model_validator(mode="after")
    def _confidence_is_in_a_limit(self) -> Self:
        if self.confidence is not None and self.limited is None:
            raise ValueError("`confidence` is that of a limit: give `max_drop` or `max_error_growth`, too")
        return self
