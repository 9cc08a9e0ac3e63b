"""Builders: functions from a config and an input signature to a new, uncompiled `keras.Model`."""

from tfopt.models.building import Signature, build

__all__ = ["Signature", "build"]
