"""Data that were made in Python: arrays, frames, and batches of `tf.data` or Keras.

They become the arrays or the table that a file would hold, and take the way of a file from there: the same checks,
splits and scaling. So the same samples in the same order give the same model, wherever they come from.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tfopt.data.config import MEMORY, DataConfig
from tfopt.data.tables import Table, table_of
from tfopt.errors import InputError
from tfopt.typing import Array

TITLE = "`data`"  # what messages call it
MOST_BYTES = 8 * 10**9
TOGETHER = 1024  # samples that are read at once where they come one by one
KINDS = (
    "(x, y), ((x, y), (x_test, y_test)), a dict of such arrays, a data frame, a tf.data.Dataset, a"
    " keras.utils.PyDataset or a function that makes one of these"
)


class Frame(Protocol):
    """A data frame of pandas or polars: columns by their names."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, name: Any, /) -> Any:
        """Return a column."""


class Batches(Protocol):
    """Pairs (x, y) of batches by their number, as `keras.utils.PyDataset` has them."""

    def __len__(self) -> int:
        """Return the number of batches."""

    def __getitem__(self, index: int, /) -> Any:
        """Return a batch."""


Arrays: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
Pair: TypeAlias = tuple[Arrays, Arrays]
Unread: TypeAlias = Any
"""What a user has given, before it was looked at."""

Given: TypeAlias = Pair | tuple[Pair, Pair] | Mapping[str, Arrays] | Frame | Batches | Iterable[Unread]
PythonData: TypeAlias = Given | Callable[[], Given]
Content: TypeAlias = Mapping[str, Array] | Table


class InMemory(NamedTuple):
    """Data that were given: how they are fed and split, their arrays or table, and notes for the report."""

    config: DataConfig
    content: Content
    notes: tuple[str, ...] = ()


def read_python_data(
    data: object,
    config: DataConfig = DataConfig(),  # noqa: B008  # frozen
) -> InMemory:
    """Read data that were made in Python, whole, into memory.

    Args:
        data: Arrays `(x, y)`, samples (N, ...) with labels (N,) or (N, K), or a pair of such pairs, the second one for
            the test split; x and y may be dicts of arrays by the names of inputs and outputs. A dict of arrays with the
            names that an `.npz` file has; a frame of pandas or polars, whose columns are found as those of a table;
            batches or single samples of a `tf.data.Dataset` that ends; a `keras.utils.PyDataset`; or a function that
            makes one of these.
        config: How they are fed and split; its `source` is not looked at.

    Raises:
        InputError: If they are of another kind, empty, endless, or too large to hold.

    Example:
        >>> sorted(read_python_data((np.zeros((20, 3)), np.arange(20) % 2)).content)
        ['x', 'y']
    """
    made = data() if callable(data) else data
    name, content, notes = _read(made)
    given = config.model_dump(exclude_unset=True) | {"source": f"{MEMORY}{name}"}
    return InMemory(DataConfig.model_validate(given), content, notes)


def _read(data: Unread) -> tuple[str, Content, tuple[str, ...]]:
    """Return what it is called, its content, and notes."""
    if isinstance(data, tuple):
        return _of_arrays(_named(data))
    if isinstance(data, Mapping):
        return _of_arrays(data)
    if _comes_from(data, "pandas", "polars") and hasattr(data, "columns"):
        return "frame", table_of(TITLE, {str(name): np.asarray(data[name]) for name in data.columns}), ()
    if _is_tf_data(data) or _is_batches(data):
        return _of_batches(data)
    raise InputError(
        f"{TITLE} must be a name, a path, a DataConfig, a Dataset of tfopt, {KINDS}, not {type(data).__name__}"
    )


def _named(data: tuple[Unread, ...]) -> Mapping[str, Unread]:
    pairs = [isinstance(part, tuple) and len(part) == 2 for part in data]
    if len(data) != 2 or (any(pairs) and not all(pairs)):
        triples = len(data) == 3 or any(isinstance(part, tuple) and len(part) == 3 for part in data)
        weights = ": each sample counts the same here, so there is no place for weights" if triples else ""
        raise InputError(f"{TITLE} must be (x, y) or ((x, y), (x_test, y_test)), not a tuple of {len(data)}{weights}")
    if not any(pairs):
        return dict(zip(("x", "y"), data, strict=True))
    (x, y), (x_test, y_test) = data
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


def _of_arrays(arrays: Mapping[str, Unread]) -> tuple[str, Content, tuple[str, ...]]:
    found = {name: _array(name, value) for name, value in _flat(arrays).items()}
    if set(found) == {"x", "y"} and found["x"].ndim == 1 and found["x"].dtype.kind in "UT":
        return "texts", table_of(TITLE, {"text": found["x"], "label": found["y"]}), ()
    return "arrays", found, ()


def _flat(arrays: Mapping[str, Unread]) -> dict[str, Unread]:
    """Return arrays of several inputs or outputs, given as a dict or a tuple, by names such as `x.image`."""
    flat: dict[str, Unread] = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            flat.update((f"{name}.{own}", array) for own, array in value.items())
        elif isinstance(value, tuple):
            flat.update((f"{name}.{number}", array) for number, array in enumerate(value))
        else:
            flat[name] = value
    return flat


def _array(name: str, value: Unread) -> Array:
    try:
        found = np.asarray(value)
        words = found.dtype.kind == "O" and all(isinstance(item, str) for item in found.flat)
        return found.astype(np.str_) if words else found
    except ValueError as error:
        raise InputError(f"{TITLE}: {name} is no array: its rows have different lengths") from error


def _of_batches(data: Unread) -> tuple[str, Content, tuple[str, ...]]:
    parts: dict[str, list[Array]] = {}
    size, weighed = 0, False
    for batch in _tf_batches(data) if _is_tf_data(data) else (data[index] for index in range(len(data))):
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise InputError(f"{TITLE} must yield pairs (x, y), not {type(batch).__name__}: labels are needed")
        for name, value in _flat(dict(zip(("x", "y"), batch, strict=False))).items():
            parts.setdefault(name, []).append(_array(name, value))
            size += parts[name][-1].nbytes
        weighed = weighed or len(batch) == 3
        if size > MOST_BYTES:
            raise InputError(f"{TITLE} has more than {MOST_BYTES / 1e9:.0f} GB, or no end: give a part of it")
    if not parts:
        raise InputError(f"{TITLE} yields nothing")
    try:
        whole = {name: np.concatenate(values) for name, values in parts.items()}
    except ValueError as error:
        raise InputError(f"{TITLE} yields samples of different shapes: {error}") from error
    notes = ("the weights of samples are left out: each counts the same",) if weighed else ()
    return ("tf.data" if _is_tf_data(data) else "PyDataset"), whole, notes


def _tf_batches(data: Unread) -> Iterator[Unread]:
    """Yield batches of a `tf.data.Dataset` as arrays, whether it has batches or single samples."""
    import tensorflow as tf

    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError(f"{TITLE} never ends: give a part of it, as data.take(1000)")
    return iter((data.batch(TOGETHER) if _is_of_single_samples(data.element_spec) else data).as_numpy_iterator())


def _is_of_single_samples(spec: Unread) -> bool:
    """Tell single samples from batches: a label has no axis, or first axes do not count the same samples."""
    import tensorflow as tf

    leaves = tf.nest.flatten(spec[:2]) if isinstance(spec, tuple) else []
    shapes = [leaf.shape for leaf in leaves if hasattr(leaf, "shape")]
    if len(shapes) < 2 or any(shape.rank is None for shape in shapes):
        return False
    x, y = shapes[0], shapes[-1]
    if len(shapes) == 2 and x.rank == 3 and y.rank > 1 and None not in x and x[:2] == y[:2]:
        raise InputError(
            f"{TITLE} yields pairs of shape {tuple(x)} and {tuple(y)}, which may be one image with its mask or a batch:"
            " use data.batch(32), without drop_remainder"
        )
    first = [shape[0] if shape.rank else 0 for shape in shapes]
    return 0 in first or (None not in first and len(set(first)) > 1)


def _is_tf_data(data: object) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


def _is_batches(data: object) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(data, keras.utils.PyDataset)


def _comes_from(data: object, *packages: str) -> bool:
    return type(data).__module__.partition(".")[0] in packages
