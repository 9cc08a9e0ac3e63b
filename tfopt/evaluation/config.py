"""Limits that the files of a comparison are held to."""

from pydantic import ByteSize

from tfopt.config.fields import Config, Share


class Gates(Config):
    """Limits that every file of a comparison must respect, but for the first, which is the baseline."""

    max_drop: Share | None = None
    max_size: ByteSize | None = None
