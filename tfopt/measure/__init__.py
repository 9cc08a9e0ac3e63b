"""Measuring: an artifact and a data set become a `Measurement`, two measurements a `Comparison`."""

from tfopt.measure.measuring import Measured, compare, measure

__all__ = ["Measured", "compare", "measure"]
