"""Data as a source stores it, before it is split and scaled, and the checks every source must pass."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Literal

import numpy as np

from tfopt.config.choices import Scale, Task
from tfopt.data.lazy_arrays import pieces
from tfopt.data.named_inputs import NamedArrays
from tfopt.data.output_labels import OutputLabels
from tfopt.errors import InputError
from tfopt.typing import Array

InputKind = Literal["image", "features", "tokens", "series", "pairs", "several"]

LEAST_ROWS = 10
MOST_CLASSES = 2**31


@dataclass(frozen=True, slots=True)
class RawData:
    """Stored arrays of one source; without `x_test` it has no test split of its own.

    Attributes:
        x: Samples (N, ...), for several inputs `NamedArrays`; texts are an array (N,) of str, sounds one of `Sound`.
        y: Class indices (N,), numbers (N,) or (N, K), the texts (N,) of translations, masks (N, H, W) of class indices
            or images (N, H, W, C). It is `x` itself, the same object, where the inputs are their own targets.
        x_test: Samples of the test split, if the source has one.
        y_test: Their labels.
        kind: The kind of the samples.
        peak: The largest value the storage can hold: `--scale unit` divides by it.
        scale: The scaling that suits the source when nothing else is asked for.
        vocabulary: Number of token ids, for tokens.
        task: The task that the labels are for.
        parts: "train", "validation" or "test" (N,) for each row, where the source says so.
        class_names: The words that were labels, in order of their class indices.
        columns: Names of the numbers of a sample, in order.
        outputs: What is known of several outputs, whose labels stand side by side in `y`.
        notes: Sentences for the report.
    """

    x: Array
    y: Array
    x_test: Array | None = None
    y_test: Array | None = None
    _: KW_ONLY
    kind: InputKind
    peak: float = 1
    scale: Scale = "none"
    vocabulary: int | None = None
    task: Task = "classification"
    parts: Array | None = None
    class_names: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    outputs: tuple[OutputLabels, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def texts(self) -> bool:
        """True if the samples are texts, still to be turned into tokens."""
        return self.x.dtype.kind == "O" and self.kind != "image"

    @property
    def sounds(self) -> bool:
        """True if the samples are sounds, still to be turned into spectrograms."""
        return self.x.dtype.kind == "O" and self.kind == "image"

    @property
    def has_classes(self) -> bool:
        """True if labels are class indices."""
        return self.task in ("classification", "segmentation")

    @property
    def own_targets(self) -> bool:
        """True if the samples are their own targets."""
        return self.y is self.x


def validate(raw: RawData, source: str) -> RawData:
    """Check raw data and bring its labels to one form.

    Args:
        raw: The data.
        source: The name of the source in messages.

    Returns:
        `raw` with class indices (N,) int64, several labels (N, K) int64, numbers (N, K) float32, masks (N, H, W) or
        images (N, H, W, C) as labels.

    Raises:
        InputError: If rows, shapes, types or values are unfit; the message names what is wrong.
    """
    x, y = _check_pair(raw, raw.x, raw.y, "train", source)
    rows = len(x) if raw.parts is None else int((raw.parts == "train").sum())
    if rows < LEAST_ROWS:
        raise InputError(f"{source}: there are {rows} rows to train on; at least {LEAST_ROWS} are needed to split them")
    if raw.has_classes:
        _check_classes(raw, y, source)
    if raw.task == "multi-label" and (y == y[0]).all():
        raise InputError(f"{source}: every row of y_train has the same labels; there is nothing to learn from them")
    x_test, y_test = raw.x_test, raw.y_test
    if x_test is not None and y_test is not None:
        x_test, y_test = _check_pair(raw, x_test, y_test, "test", source)
        if x_test.shape[1:] != x.shape[1:]:
            raise InputError(f"{source}: x_test has samples of shape {x_test.shape[1:]} but x_train of {x.shape[1:]}")
        if y_test.shape[1:] != y.shape[1:]:
            raise InputError(f"{source}: y_test has {y_test.shape[1:]} numbers a row but y_train {y.shape[1:]}")
        if raw.has_classes and y_test.max() > y.max():
            raise InputError(f"{source}: y_test has the label {y_test.max()}, but y_train only goes up to {y.max()}")
    return replace(raw, x=x, y=y, x_test=x_test, y_test=y_test)


def _check_classes(raw: RawData, y: Array, source: str) -> None:
    if not isinstance(y, np.ndarray):  # the classes of files were counted when they were read
        return
    given = y if raw.parts is None else y[raw.parts == "train"]
    if np.unique(given).size < 2:
        only = f" ({raw.class_names[given.flat[0]]})" if raw.class_names else ""
        raise InputError(f"{source}: there is one class only{only} to train on; at least two are needed")
    if raw.class_names is None and y.max() >= y.size:
        raise InputError(
            f"{source}: y_train has the label {y.max()} in {len(y)} rows; labels must be class indices 0..K-1"
        )


def _check_pair(raw: RawData, x: Array, y: Array, split: str, source: str) -> tuple[Array, Array]:
    if raw.texts or raw.sounds:  # whoever read them has checked them
        return x, _to_numbers(y, split, source) if raw.task == "regression" else y
    if isinstance(x, NamedArrays):
        for name, array in x.arrays.items():
            _check_samples(array, f"{split}.{name}", source)
        return x, y
    if x.ndim < 2 or y.ndim < 1 or 0 in x.shape[1:]:
        raise InputError(f"{source}: x_{split} has shape {x.shape} and y_{split} {y.shape}; each sample needs a row")
    if len(x) == 0:
        raise InputError(f"{source}: x_{split} has no rows")
    if len(x) != len(y):
        raise InputError(f"{source}: x_{split} has {len(x)} rows but y_{split} has {len(y)}")
    _check_samples(x, split, source)
    if raw.task == "several":  # labels were checked output by output
        return x, y
    if raw.task in ("segmentation", "image-to-image"):
        _check_maps(x, y, split, source, masks=raw.task == "segmentation")
        return x, y if raw.has_classes or raw.own_targets else _to_images(y, split, source)
    if raw.task == "regression":
        return x, x if raw.own_targets else _to_numbers(y, split, source)
    if raw.task == "multi-label":
        return x, _to_several(y, split, source)
    if raw.task == "compiled":
        _check_finite(y, split, source)
        return x, y.astype(np.float32) if y.dtype.kind == "f" else y
    return x, y if raw.class_names else _to_class_indices(y, split, source)


def _check_samples(x: Array, which: str, source: str) -> None:
    if x.dtype.kind not in "fiub":
        raise InputError(f"{source}: x_{which} has the type {x.dtype}; numbers are needed")
    if x.dtype.kind == "f" and not _are_finite(x):
        raise InputError(f"{source}: x_{which} has values that are NaN or infinite in float32")


def _check_maps(x: Array, y: Array, split: str, source: str, *, masks: bool) -> None:
    """Raise `InputError` if labels are no masks (N, H, W) of the size of the images x, or no images."""
    if x.ndim not in (3, 4):
        raise InputError(
            f"{source}: x_{split} has shape {x.shape}; images (N, height, width, channels) are needed to learn"
            f" {'masks' if masks else 'images'}"
        )
    if masks and y.shape[1:] != x.shape[1:3]:
        raise InputError(
            f"{source}: x_{split} has images of {_pixels(x)} pixels, but y_{split} masks of {_pixels(y)}; they must be"
            " of the same size"
        )


def _pixels(images: Array) -> str:
    return "x".join(map(str, images.shape[1:3]))


def _to_images(y: Array, split: str, source: str) -> Array:
    if y.ndim not in (3, 4) or y.dtype.kind not in "fiub":
        raise InputError(
            f"{source}: y_{split} has shape {y.shape} and type {y.dtype}; `task` image-to-image needs images (N,"
            " height, width, channels)"
        )
    if y.dtype.kind == "f" and not _are_finite(y):
        raise InputError(f"{source}: y_{split} has values that are NaN or infinite in float32")
    return y.reshape(len(y), *y.shape[1:], 1) if y.ndim == 3 else y


def _are_finite(x: Array) -> bool:
    return all(bool((np.abs(piece) <= np.finfo(np.float32).max).all()) for piece in pieces(x))


def _to_numbers(y: Array, split: str, source: str) -> Array:
    if y.ndim > 2 or y.dtype.kind not in "fiub":
        raise InputError(
            f"{source}: y_{split} has shape {y.shape} and type {y.dtype}; numbers are needed, a row a sample"
        )
    _check_finite(y, split, source)
    return y.reshape(len(y), -1).astype(np.float32)


def _check_finite(y: Array, split: str, source: str) -> None:
    if not np.isfinite(y.astype(np.float32)).all():
        raise InputError(f"{source}: y_{split} has values that are NaN or infinite in float32")


def _to_several(y: Array, split: str, source: str) -> Array:
    if y.ndim != 2 or y.shape[1] < 2 or not np.isin(y, (0, 1)).all():
        raise InputError(f"{source}: y_{split} of shape {y.shape} are no rows of 0 and 1, one for each label")
    return y.astype(np.int64)


def _to_class_indices(y: Array, split: str, source: str) -> Array:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or y.dtype.kind not in "fiub":
        raise InputError(f"{source}: y_{split} has shape {y.shape} and type {y.dtype}; one class index a row is needed")
    if y.dtype.kind == "f" and not (np.isfinite(y).all() and np.all(y == np.round(y))):
        raise InputError(f"{source}: y_{split} has values that are no class indices (0, 1, 2, ...)")
    if y.min() < 0 or y.max() >= MOST_CLASSES:
        wrong = y.min() if y.min() < 0 else y.max()
        raise InputError(f"{source}: y_{split} has the label {wrong:g}; labels are class indices 0..K-1")
    return y.astype(np.int64)
