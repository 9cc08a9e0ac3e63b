"""TFRecord files of `tf.train.Example`: a `features.json` beside them says what is in a record.

{"x": {"feature": "image", "encoding": "image"},
 "y": {"feature": "label", "encoding": "int", "classes": ["cat", "dog"]},
 "split": "part"}
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tfopt.data.array_files import check_file
from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.raw_data import RawData
from tfopt.data.records import MOST_BYTES, ImageRecords, name_classes, take_from_records
from tfopt.data.series import Series
from tfopt.data.splits import parse_split_name
from tfopt.data.stored_arrays import RowCollector
from tfopt.errors import InputError
from tfopt.typing import Array, Tensor

DESCRIPTION = "features.json"
MOST_DESCRIPTION = 1_000_000  # bytes
SUFFIXES = (".tfrecord", ".tfrecords")
SHARD = re.compile(r".+\.tfrecords?(-\d+-of-\d+)?")
AT_ONCE = 256
EXAMPLE = '{"x": {"feature": "image", "encoding": "image"}, "y": {"feature": "label", "encoding": "int"}}'

Size = Annotated[int, Field(ge=1, le=10**8)]


class Feature(BaseModel):
    """One feature of the records.

    Attributes:
        feature: Its name.
        encoding: How it is stored: the bytes of an image file, raw bytes of numbers, floats, integers, or a text.
        shape: The shape that it has in a record; none for a single value.
        dtype: The type of numbers that are raw bytes, in little-endian order.
        classes: The names of the classes that integers stand for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feature: str
    encoding: Literal["image", "raw", "float", "int", "text"]
    shape: tuple[Size, ...] = ()
    dtype: Literal["uint8", "int8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"] = "uint8"
    classes: tuple[str, ...] | None = None


class Features(BaseModel):
    """The features that are the sample of a record and its label, and the one, a text, that names its split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: Feature
    y: Feature
    split: str | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.split in (self.x.feature, self.y.feature):
            raise ValueError("split names the feature of x or y")
        return self


class TfRecordFormat(DataFormat):
    """TFRecord files, or folders of them, with a description of their features."""

    name = "tfrecord"
    suffixes = SUFFIXES

    def suits(self, path: Path) -> bool:
        """Take files by their suffix, and folders that hold such."""
        return any(_shards(path)) if path.is_dir() else path.name.endswith(SUFFIXES)

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData | Series:
        """Read the records of a file, or of all files of a folder, whose names may say which split they are."""
        folder = path if path.is_dir() else path.parent
        features, title = _read_description(folder / DESCRIPTION), str(path)
        shards = sorted(_shards(path)) if path.is_dir() else [path]
        if features.x.encoding == "text" and sum(shard.stat().st_size for shard in shards) > MOST_BYTES:
            raise InputError(f"{path} has more than {MOST_BYTES / 1e9:.0f} GB of texts, which is too much to hold")
        columns = _Columns(features, config, title)
        counts = [columns.read(shard) for shard in shards]
        if not sum(counts):
            raise InputError(f"{shards[0]} holds no records")
        x, y, split = columns.finish()
        return take_from_records(x, y, _find_parts(split, counts, shards, features), title, config, class_names)


def _shards(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if SHARD.fullmatch(path.name) and not path.name.startswith("."))


def _read_description(path: Path) -> Features:
    if not path.exists():
        raise InputError(f"{path} does not exist: it says what TFRecord files hold, as {EXAMPLE}")
    check_file(path)
    if path.stat().st_size > MOST_DESCRIPTION:
        raise InputError(f"{path} is too large to describe features")
    try:
        return Features.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        told = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        raise InputError(f"{path}: {told}; it is written as {EXAMPLE}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {str(error)[:200]}") from error


class _Columns:
    """The samples, the labels and the names of splits of records, read file by file."""

    def __init__(self, features: Features, config: DataConfig, title: str) -> None:
        self._features, self._title = features, title
        pair = (features.x, features.y)
        self._collectors = [
            ImageRecords(config.image_size, title) if one.encoding == "image" else RowCollector() for one in pair
        ]
        self._split: list[Array] = []
        self._done = 0

    def read(self, shard: Path) -> int:
        """Read the records of a file, and return how many there are."""
        _check_shapes(shard, self._features)
        before = self._done
        for parsed in _parse(shard, self._features):
            for one, collector in zip((self._features.x, self._features.y), self._collectors, strict=True):
                values = parsed[one.feature].numpy()
                if isinstance(collector, ImageRecords):
                    collector.append(values.tolist())
                else:
                    collector.append(_to_array(values, one, self._done, self._title))
            if self._features.split is not None:
                self._split.append(parsed[self._features.split].numpy())
            self._done += len(values)
        return self._done - before

    def finish(self) -> tuple[Array, Array, Array | None]:
        """Return samples (N, ...), labels (N, ...) and the names of splits (N,), if there are such."""
        pair = zip((self._features.x, self._features.y), self._collectors, strict=True)
        x, y = (self._named(collector.finish(), one) for one, collector in pair)
        return x, y, np.concatenate(self._split) if self._split else None

    def _named(self, values: Array, feature: Feature) -> Array:
        named = feature.encoding == "int" and feature.classes
        return name_classes(np.asarray(values), named, self._title) if named else values


def _check_shapes(shard: Path, features: Features) -> None:
    """Raise `InputError` for a shape that no record of a file can have: memory is taken for it before it is read."""
    check_file(shard)
    size = shard.stat().st_size
    for one in (features.x, features.y):
        if size and np.prod(one.shape, dtype=np.float64) > size:
            raise InputError(f"{shard} would have more values in a record of {one.feature} than it has bytes")


def _parse(shard: Path, features: Features) -> Iterator[dict[str, Tensor]]:
    """Yield the features of the records of a file, some at once."""
    import tensorflow as tf

    types = {"float": tf.float32, "int": tf.int64}  # all else is one value of bytes
    spec = {
        one.feature: tf.io.FixedLenFeature(one.shape, types[one.encoding])
        if one.encoding in types
        else tf.io.FixedLenFeature((), tf.string)
        for one in (features.x, features.y)
    }
    if features.split is not None:
        spec.setdefault(features.split, tf.io.FixedLenFeature((), tf.string))
    try:
        for records in tf.data.TFRecordDataset(str(shard)).batch(AT_ONCE):
            yield tf.io.parse_example(records, spec)
    except tf.errors.DataLossError as error:
        raise InputError(f"{shard} is no TFRecord file, is damaged or was cut off: {_explain(error)}") from error
    except tf.errors.OpError as error:
        raise InputError(f"{shard} does not hold what {DESCRIPTION} says: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """Return what an error of TensorFlow says, without the names of its own operations."""
    line = re.sub(r"\{\{.*?\}\}|\[Op:.*?\]|Name: <unknown>, ", "", str(error).splitlines()[0])
    return " ".join(line.split())[:200]


def _to_array(values: Array, feature: Feature, before: int, title: str) -> Array:
    """Return values of records as numbers or texts; `before` them there were so many records."""
    if feature.encoding == "text":
        texts = [value.decode("utf-8", "replace") for value in values]
        return np.array(texts, np.dtypes.StringDType())
    return _from_bytes(values, feature, before, title) if feature.encoding == "raw" else values


def _from_bytes(values: Array, feature: Feature, before: int, title: str) -> Array:
    dtype = np.dtype(feature.dtype).newbyteorder("<")
    size = dtype.itemsize * int(np.prod(feature.shape))
    for row, value in enumerate(values, before + 1):
        if len(value) != size:
            raise InputError(
                f"{title}: record {row} has {len(value):,} bytes in {feature.feature}, but {feature.dtype} of shape"
                f" {feature.shape} takes {size:,}"
            )
    found = np.frombuffer(b"".join(values), dtype).reshape(len(values), *feature.shape)
    return found.astype(dtype.newbyteorder("="))


def _find_parts(split: Array | None, counts: list[int], shards: list[Path], features: Features) -> Array | None:
    """Return the split (N,) of each record, as the feature `split` says it or the names of the files do."""
    if split is not None:
        known = {name: parse_split_name(name.decode("utf-8", "replace")) for name in set(split)}
        wrong = next((name for name, part in known.items() if part is None), None)
        if wrong is not None:
            raise InputError(f"{shards[0]} has {wrong[:40]!r} in {features.split}, which is not the name of a split")
        return np.array([known[name] for name in split])
    named = [_split_of(shard.name) for shard in shards]
    return np.repeat(np.array(named), counts) if "train" in named and None not in named else None


def _split_of(name: str) -> str | None:
    """Return the split that a file is of, as train-00000.tfrecord or digits-test.tfrecord-00000-of-00002."""
    stem = name.partition(".tfrecord")[0]
    return parse_split_name(stem) or parse_split_name(stem.rpartition("-")[2])
