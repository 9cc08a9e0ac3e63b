"""What is in a model file, and what each technique could do with it: asked of the techniques themselves."""

from tfopt.inspection.inspect import inspect

__all__ = ["inspect"]
