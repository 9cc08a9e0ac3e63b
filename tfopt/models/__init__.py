"""Builders: functions from a config and an input signature to a new, uncompiled `keras.Model`."""

from tfopt.models.architectures import build
from tfopt.models.signature import Signature

__all__ = ["Signature", "build"]
