"""Arrays for anomaly detection: normal samples to learn from, and samples of both kinds to test on."""

from collections.abc import Mapping

import numpy as np

from tfopt.data.config import DataConfig
from tfopt.data.raw_data import RawData
from tfopt.errors import InputError
from tfopt.typing import Array

NEEDED = ("x_train", "x_test", "y_test")


def anomaly_arrays(found: Mapping[str, Array], title: str, config: DataConfig) -> RawData:
    """Take `x_train`, `x_test` and `y_test`, and `y_train` if it is there; labels are 0 (normal) and 1 (anomalous).

    Anomalies of the train arrays are never trained on: they are in the validation split, with a share of the others.

    Raises:
        InputError: If an array is missing or a label is something else.
    """
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise InputError(f"{title} has no {', '.join(missing)}; `task` anomaly needs {', '.join(NEEDED)}")
    x, x_test = found["x_train"], found["x_test"]
    y = _read(found["y_train"], "y_train", title) if "y_train" in found else np.zeros(len(x), np.int64)
    y_test = _read(found["y_test"], "y_test", title)
    if y_test.all():
        raise InputError(f"{title}: y_test has no normal sample (0) whose error could be measured")
    notes = []
    if y.any():
        notes = [f"{int(y.sum())} anomalies of x_train are in the validation split, and none is trained on"]
    kind, scale = ("features", "standard") if x.ndim == 2 else ("image", "unit" if x.dtype == np.uint8 else "none")
    return RawData(
        x, y, x_test, y_test, kind=kind, peak=255, scale=scale, task="anomaly",  # type: ignore[arg-type]
        parts=_parts(y, config), notes=tuple(notes),
    )  # fmt: skip


def _read(y: Array, name: str, title: str) -> Array:
    flat = y.reshape(-1) if y.ndim == 2 and y.shape[1] == 1 else y
    if flat.ndim != 1 or flat.dtype.kind not in "fiub" or not np.isin(flat, (0, 1)).all():
        raise InputError(f"{title}: {name} must be 0 for each normal sample and 1 for each anomalous one")
    return flat.astype(np.int64)


def _parts(y: Array, config: DataConfig) -> Array | None:
    """Return the split (N,) of each row, if there are anomalies among them."""
    if not y.any():
        return None
    normal = np.random.default_rng(config.split_seed).permutation(np.flatnonzero(y == 0))
    parts = np.full(len(y), "validation")
    parts[normal[round(len(normal) * config.validation) :]] = "train"
    return parts
