"""A data set as four fixed splits, scaled the same way.

A model learns from the train split, settings are chosen on validation, activation ranges come from calibration, and the
test split is measured once, at the very end. The splits are disjoint, but for calibration windows of a series, which
are among those of the train split.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tfopt.config.choices import Task
from tfopt.data.config import DataConfig
from tfopt.data.lazy_arrays import Index, LazyArray, note_reading, take
from tfopt.data.lazy_images import LazyImages
from tfopt.data.log_mel import LogMel
from tfopt.data.named_inputs import NamedArrays
from tfopt.data.output_labels import OutputLabels
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.raw_data import InputKind, RawData
from tfopt.data.resizing import Resizing
from tfopt.data.sampling import fair_order
from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.data.sounds import Sound, SoundFile
from tfopt.data.splits import SplitRows, split_rows
from tfopt.data.stored_texts import hashes
from tfopt.data.tokenizer import HubTokenizer
from tfopt.data.vectorizer import Vectorizer
from tfopt.data.words_or_letters import Reading, choose_reading
from tfopt.errors import InputError
from tfopt.typing import Array

MANY_UNKNOWN = 0.2  # of the words of texts that were not trained on


@dataclass(frozen=True, slots=True)
class Split:
    """Samples as the model is fed: an array (N, ...) for each of its inputs, and labels y.

    Labels are class indices (N,), numbers (N, K), steps to forecast (N, H) or (N, H, V), target tokens (N, T), classes
    of pixels (N, H, W) or images (N, H, W, C).
    """

    inputs: tuple[Array, ...]
    y: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> "Split":
        """Make a split for a model with one input, from samples x (N, ...) and labels y (N, ...)."""
        return cls((x,), y)

    @property
    def x(self) -> Array:
        """Samples (N, ...) of a model with one input; raises `InputError` if it has several."""
        if len(self.inputs) != 1:
            raise InputError(f"this takes models with one input, but the data feeds {len(self.inputs)}")
        return self.inputs[0]

    def rows(self, rows: Index) -> "Split":
        """Return some of the samples, in memory, chosen by a slice or an array of indices."""
        return Split(tuple(x[rows] for x in self.inputs), self.y[rows])

    def sample(self, count: int) -> "Split":
        """Return a fair sample, in memory, of at most `count` samples, the same each time: all classes, all seasons."""
        return self.rows(fair_order(self.y)[:count])

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Dataset:
    """Train, validation, calibration and test splits of one source, scaled the same way.

    Attributes:
        config: The config that it was loaded with.
        kind: The kind of the samples: image, features, tokens, series or pairs.
        num_classes: Number of classes; 0 where labels are numbers or words.
        scaling: The scaling that the samples have been through.
        fingerprint: A digest of the source, by which a change of it is noticed.
        vocabulary: Number of token ids, for texts.
        notes: Sentences for the report.
        task: The task that the labels are for.
        targets: The scaling that labels that are numbers have been through.
        vectorizer: Turns texts to tokens; in a translation, those of the source language.
        target_vectorizer: Turns texts of the target language to tokens.
        tokenizer: Turns texts to the inputs of a KerasHub model.
        resizing: What images have been through that a KerasHub model takes.
        class_names: The words that were labels, in order of their class indices.
        sources: The source texts of the test split of a translation, as they stood in the source.
        references: Their translations.
        columns: Names of the numbers of a sample, in order.
        input_names: The names of several inputs, in order.
        outputs: What is known of several outputs, whose labels stand side by side in `y`.
        scalings: The scaling of each of several inputs.
        loss: That of the model they were matched with, where it says how good an answer is.
        log_mel: Turns sounds to spectrograms.
    """

    config: DataConfig
    kind: InputKind
    num_classes: int
    scaling: Scaling
    train: Split
    validation: Split
    calibration: Split
    test: Split
    fingerprint: str
    vocabulary: int | None = None
    notes: tuple[str, ...] = ()
    task: Task = "classification"
    targets: Scaling = IDENTITY
    vectorizer: Vectorizer | None = None
    target_vectorizer: Vectorizer | None = None
    tokenizer: HubTokenizer | None = None
    resizing: Resizing | None = None
    class_names: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    references: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    input_names: tuple[str, ...] = ()
    outputs: tuple[OutputLabels, ...] = ()
    scalings: dict[str, Scaling] | None = None
    loss: object = None
    log_mel: LogMel | None = None

    def without_test(self) -> "Dataset":
        """Return the same data with a test split of no samples, and without the texts of the one it had."""
        empty = Split(tuple(np.empty((0, *x.shape[1:]), x.dtype) for x in self.test.inputs), self.test.y[:0].copy())
        return replace(self, test=empty, sources=None, references=None)

    def splits(self) -> Iterator[tuple[str, Split]]:
        """Yield each split with its name."""
        for name in ("train", "validation", "calibration", "test"):
            yield name, getattr(self, name)


def make_dataset(raw: RawData, config: DataConfig, fitted: Preprocessor = Preprocessor()) -> Dataset:  # noqa: B008  # frozen
    """Split raw data and prepare it as a model is fed.

    Args:
        raw: Validated raw data, not of a series.
        config: The config; `split_seed` fixes the splits.
        fitted: What a model remembers from its training; nothing that is in it is fitted anew.

    Returns:
        The data set; scalings and vocabularies were fitted on its train split only.
    """
    stratified = raw.task == "classification"
    rows = split_rows(raw.y, config, own_test=raw.x_test is not None, stratified=stratified, parts=raw.parts)
    digest = fingerprint(raw.x, raw.x_test, _known_labels(raw, rows))
    if heard := raw.sounds:
        fitted, raw = fitted.hear(raw, rows.train)
    guessed = fitted.vectorizer is None and config.characters is None
    reading = Reading(bool(config.characters))
    if guessed and raw.texts and raw.kind != "pairs" and fitted.tokenizer is None:
        reading = choose_reading(raw, rows.train, rows.validation)
    fitted = fitted.fit(raw, config.model_copy(update={"characters": reading.characters}), rows.train)

    def made(chosen: Array) -> Split:
        x = take(raw.x, chosen)
        return Split(*fitted.transform(raw, x, x if raw.own_targets else take(raw.y, chosen)))

    if rows.test is None:
        assert raw.x_test is not None
        assert raw.y_test is not None
        test = Split(*fitted.transform(raw, raw.x_test, raw.y_test))
    else:
        test = made(rows.test)
    validation, reader = made(rows.validation), fitted.vectorizer or fitted.tokenizer
    return Dataset(
        config=config,
        kind=raw.kind,
        num_classes=_count_classes(raw) if raw.has_classes else 0,
        scaling=fitted.scaling or IDENTITY,
        train=made(rows.train),
        validation=validation,
        calibration=made(rows.calibration),
        test=test,
        fingerprint=digest,
        vocabulary=reader.size if raw.texts and reader else raw.vocabulary,
        notes=(
            *raw.notes,
            *rows.notes,
            *_note_reading(raw.x),
            *filter(None, [reading.note]),
            *_note_unknown(raw, fitted, validation, guessed=guessed),
            *_note_repeated_texts(raw, rows),
        ),
        task=raw.task,
        targets=fitted.targets or IDENTITY,
        vectorizer=fitted.vectorizer if raw.texts else None,
        target_vectorizer=fitted.target_vectorizer if raw.kind == "pairs" else None,
        tokenizer=fitted.tokenizer if raw.texts else None,
        resizing=fitted.resizing if raw.kind == "image" else None,
        class_names=raw.class_names,
        sources=tuple(take(raw.x, rows.test)) if raw.kind == "pairs" and rows.test is not None else None,
        references=tuple(take(raw.y, rows.test)) if raw.kind == "pairs" and rows.test is not None else None,
        columns=raw.columns,
        input_names=tuple(raw.x.arrays) if isinstance(raw.x, NamedArrays) else (),
        outputs=raw.outputs,
        scalings=fitted.scalings if isinstance(raw.x, NamedArrays) else None,
        log_mel=fitted.log_mel if heard else None,
    )


def _known_labels(raw: RawData, rows: SplitRows) -> Array | None:
    """Return the labels without those of the test split; None if they are the samples themselves."""
    if raw.own_targets:
        return None
    if rows.test is None:
        return raw.y
    if raw.y.ndim > 2 or isinstance(raw.y, LazyArray):
        return take(raw.y, np.setdiff1d(np.arange(len(raw.y)), rows.test))
    known: Array = np.delete(raw.y, rows.test)
    return known


def _count_classes(raw: RawData) -> int:
    return len(raw.class_names) if raw.class_names else int(raw.y.max()) + 1


def _note_reading(x: Array) -> list[str]:
    """Note which samples are too many to hold; folders of images say so themselves."""
    arrays = list(x.arrays.values()) if isinstance(x, NamedArrays) else [x]
    found = (note for array in arrays if not isinstance(array, LazyImages) for note in note_reading(array))
    return list(dict.fromkeys(found))


def _note_unknown(raw: RawData, fitted: Preprocessor, validation: Split, *, guessed: bool) -> list[str]:
    """Note that many words of texts that were not trained on are not known: all of them look the same to a model.

    `guessed` says whether nobody has said yet what tokens are: then letters are an advice.
    """
    reader = fitted.vectorizer
    if not raw.texts or reader is None or (share := reader.unknown_share(validation.inputs[0])) <= MANY_UNKNOWN:
        return []
    what = "characters" if reader.characters else "words"
    told = f"{share:.0%} of the {what} of the validation texts are not in the vocabulary of the train split"
    letters = guessed and raw.kind != "pairs" and not reader.characters
    return [f"{told}: `characters` reads letter by letter" if letters else told]


def _note_repeated_texts(raw: RawData, rows: SplitRows) -> list[str]:
    """Note texts of the test split that were trained on, too: a model has seen their answers."""
    if not raw.texts or rows.test is None:
        return []
    train, test = take(raw.x, rows.train), take(raw.x, rows.test)
    if isinstance(train, LazyArray):
        count = int(np.isin(hashes(test), hashes(train)).sum())
    else:
        known = set(train)
        count = sum(text in known for text in test)
    return [f"{count} of {len(rows.test)} test texts are in the train split too, word for word"] if count else []


def fingerprint(*arrays: Array | None) -> str:
    """Digest arrays, by which a changed source is noticed; a model holds the digest, so leave test labels out of it."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            continue
        digest.update(f"{array.shape}{array.dtype}".encode())
        if isinstance(array, LazyArray):
            array.update(digest)
        elif isinstance(array, NamedArrays):
            digest.update(fingerprint(*array.arrays.values()).encode())
        elif array.dtype.kind == "O":
            if isinstance(array[0], Sound | SoundFile):
                for sound in array:
                    digest.update(sound.wave.data)
            else:
                digest.update("\0".join(array).encode())
        else:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
