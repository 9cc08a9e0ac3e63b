"""Inspection lists what is in a model file, and asks each technique what it could do with it."""

from tfopt.inspection.inspect import inspect

__all__ = ["inspect"]
