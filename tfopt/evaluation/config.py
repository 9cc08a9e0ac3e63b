"""Limits that the files of a comparison are held to."""

from typing import Annotated

from pydantic import ByteSize, Field

from tfopt.config.fields import Config, Drop, Option


class Gates(Config):
    """Limits that every file of a comparison must respect, but for the first, which is the baseline."""

    max_drop: Annotated[
        Drop | None,
        Field(description="Fail if accuracy falls by more: 1% or 0.01 is one point."),
    ] = None
    max_size: Annotated[
        ByteSize | None, Field(description="Fail if a file is larger: 30kB, 1.5MB."), Option("SIZE")
    ] = None
