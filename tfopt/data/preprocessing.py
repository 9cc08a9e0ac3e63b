"""Preprocessing that was fitted on a train split, and has to be the same whenever the model it was made for is used.

A model file remembers it: scalings, vocabularies, settings of spectrograms and the names of classes.
"""

from dataclasses import replace
from typing import Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from tfopt.config.choices import Scale
from tfopt.data.config import DataConfig
from tfopt.data.labelled_rows import LabelledRows
from tfopt.data.lazy_arrays import LazyArray, mapped, take
from tfopt.data.lazy_images import LazyImages
from tfopt.data.log_mel import LogMel
from tfopt.data.named_inputs import NamedArrays
from tfopt.data.output_labels import OutputLabels
from tfopt.data.raw_data import InputKind, RawData
from tfopt.data.resizing import Resizing
from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.data.tokenizer import HubTokenizer
from tfopt.data.vectorizer import Vectorizer
from tfopt.typing import Array

TEXT_WORDS = 10_000
PAIR_WORDS = 5_000
MOST_IMAGES = 1000


class Preprocessor(BaseModel):
    """Scalings of the samples and of labels that are numbers, and vocabularies of texts; None where there is none.

    `class_names` are the words that were labels, in order of their class indices. Several inputs have a scaling each,
    and of several outputs each has its labels. `log_mel` makes images of sounds. A model of KerasHub has its
    `tokenizer` in place of a vocabulary, and a `resizing` of images.
    """

    model_config = ConfigDict(frozen=True)

    scaling: Scaling | None = None
    targets: Scaling | None = None
    vectorizer: Vectorizer | None = None
    target_vectorizer: Vectorizer | None = None
    tokenizer: HubTokenizer | None = None
    resizing: Resizing | None = None
    class_names: tuple[str, ...] | None = None
    scalings: dict[str, Scaling] | None = None
    outputs: tuple[OutputLabels, ...] = ()
    log_mel: LogMel | None = None

    @property
    def reads_texts(self) -> bool:
        """Tell whether the samples are texts."""
        return self.vectorizer is not None or self.tokenizer is not None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.target_vectorizer is not None and self.vectorizer is None:
            raise ValueError("translations have a vocabulary of what is translated, too")
        return self

    def hear(self, raw: RawData, rows: Array) -> tuple[Self, RawData]:
        """Turn sounds into spectrograms; their settings, if missing, are fitted on the `rows` (N,) of `raw`."""
        log_mel = self.log_mel or LogMel.fit(raw.x[rows])
        heard = replace(raw, x=log_mel(raw.x), notes=(*raw.notes, *log_mel.notes(raw.x)))
        return self.model_copy(update={"log_mel": log_mel}), heard

    def fit(self, raw: RawData, config: DataConfig, rows: Array) -> Self:
        """Return a copy in which all that is missing is fitted on the `rows` (N,) of `raw` that are the train split."""
        found: dict[str, Scaling | Vectorizer | dict[str, Scaling]] = {}
        if isinstance(raw.x, NamedArrays):
            found["scalings"] = self.scalings or _scalings(config.scale, raw, raw.x[rows])
        elif self.scaling is None:
            found["scaling"] = Scaling.fit(config.scale, raw, _looked_at(raw.x, rows))
        alike = raw.own_targets or (raw.task == "image-to-image" and config.scale is not None)
        unknown = self.targets is None or (self.scaling is None and alike)  # a model without a memory is fed alike
        if unknown and raw.task in ("regression", "image-to-image"):
            fitted = self.model_copy(update={name: one for name, one in found.items() if name == "scaling"})
            found["targets"] = fitted._fit_targets(raw, config, rows)
        if self.vectorizer is None and self.tokenizer is None and raw.texts:
            words = config.words or (PAIR_WORDS if raw.kind == "pairs" else TEXT_WORDS)
            pairs, texts = raw.kind == "pairs", take(raw.x, rows)
            characters = not pairs and bool(config.characters)
            found["vectorizer"] = Vectorizer.fit(texts, words, config.length, marked=pairs, characters=characters)
        if self.target_vectorizer is None and raw.kind == "pairs":
            length = None if config.length is None else config.length + 1  # the model sees one token less
            words = config.words or PAIR_WORDS
            found["target_vectorizer"] = Vectorizer.fit(take(raw.y, rows), words, length, marked=True)
        return self.model_copy(update=found)

    def _fit_targets(self, raw: RawData, config: DataConfig, rows: Array) -> Scaling:
        """Return the scaling of labels that are numbers; that of images follows their own type."""
        if raw.own_targets:
            assert self.scaling is not None
            return self.scaling
        if raw.task == "regression":
            return Scaling.standard(raw.y[rows])
        of_y = replace(raw, scale="unit" if raw.y.dtype == np.uint8 else "none")
        alike = raw.y.dtype == raw.x.dtype or raw.y.dtype == np.uint8
        return Scaling.fit(config.scale if alike else None, of_y, take(raw.y, rows[:MOST_IMAGES]))

    def transform(self, raw: RawData, x: Array, y: Array) -> tuple[tuple[Array, ...], Array]:
        """Prepare samples and labels as a model is fed.

        Args:
            raw: The raw data, for its kind and task.
            x: Samples as `raw` has them.
            y: Labels as `raw` has them.

        Returns:
            An array for each input of the model, and the labels.
        """
        if raw.kind == "pairs":
            assert self.vectorizer is not None
            assert self.target_vectorizer is not None
            target = self.target_vectorizer(y)
            length = target.shape[1] - 1
            before = mapped(target, lambda ids: ids[:, :-1], (length,), np.int32)
            return (self.vectorizer(x), before), mapped(target, lambda ids: ids[:, 1:], (length,), np.int32)
        if isinstance(x, NamedArrays):
            assert self.scalings is not None
            scaled = (self.scalings[name](array) for name, array in x.arrays.items())
            return tuple(scaled), self._targets(raw, y)
        if raw.texts and self.tokenizer:
            return self.tokenizer(x), self._targets(raw, y)
        if raw.kind == "tokens":
            x = self.vectorizer(x) if raw.texts and self.vectorizer else x.astype(np.int32)
        else:
            assert self.scaling is not None
            x = self.scaling(x)
        if raw.own_targets:
            return (x,), _with_channels(x) if raw.task == "image-to-image" else x
        if raw.task == "anomaly":
            return (x,), _labelled(y, x.reshape(len(x), -1))
        return (x,), self._targets(raw, y)

    def _targets(self, raw: RawData, y: Array) -> Array:
        return self.targets(y) if self.targets and raw.task in ("regression", "image-to-image") else y


def _looked_at(x: Array, rows: Array) -> Array:
    """Return the rows that a scaling is fitted on: some of images that would be decoded for it."""
    if isinstance(x, LazyImages):
        return x[rows[:MOST_IMAGES]]
    return take(x, np.sort(rows) if isinstance(x, LazyArray) else rows)  # a file is read faster from front to back


def _labelled(labels: Array, samples: Array) -> Array:
    """Return rows (N, 1 + F) of a label (N,) and a flat sample (N, F)."""
    if isinstance(samples, LazyArray):
        return cast(Array, LabelledRows(labels, samples))
    return np.concatenate([labels[:, np.newaxis], samples], axis=1, dtype=np.float32)


def _with_channels(images: Array) -> Array:
    """Return images (N, H, W, C), of which (N, H, W) have one channel."""
    return images.reshape(len(images), *images.shape[1:], 1) if images.ndim == 3 else images


def _scalings(scale: Scale | None, raw: RawData, x: NamedArrays) -> dict[str, Scaling]:
    """Fit a scaling for each input by itself; integers of more than 8 bits may be ids and are fed as they are."""
    found = {}
    for name, array in x.arrays.items():
        own = scale or ("unit" if array.dtype == np.uint8 else "none")
        ids = array.dtype.kind in "iu" and array.dtype.itemsize > 1
        kind: InputKind = "features" if array.ndim == 2 else "image"
        found[name] = IDENTITY if ids else Scaling.fit(own, replace(raw, kind=kind, peak=255), array)
    return found
