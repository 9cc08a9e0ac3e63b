"""Data sets: a name or a path becomes a `Dataset` with fixed train, validation, calibration and test splits."""

from tfopt.data.compatibility import match
from tfopt.data.dataset import Dataset, Split
from tfopt.data.loader import load
from tfopt.data.scaling import Scaling

__all__ = ["Dataset", "Scaling", "Split", "load", "match"]
