"""Texts become token ids by a vocabulary of the train split, which travels with the model.

`keras.layers.TextVectorization` does the work: id 0 is padding, 1 a word that is not in the vocabulary. Texts to be
classified lose case and punctuation; those of a translation keep both, and each text stands between two marks. Where
words hardly occur twice, as in names and codes, the tokens are characters, punctuation among them.
"""

import re
import string
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Self, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from tfopt.data.lazy_arrays import LazyArray, pieces
from tfopt.data.stored_arrays import RowCollector
from tfopt.errors import InputError
from tfopt.typing import Array, Tensor

if TYPE_CHECKING:
    from keras.layers import TextVectorization

PADDING, UNKNOWN, START, END = 0, 1, 2, 3
MARKS = ("[start]", "[end]")
MOST_LENGTH = 100_000  # tokens of a text
LENGTH_QUANTILE = 0.95
TOGETHER = 10_000  # texts
MOST_TEXTS = 100_000  # of those that are not held, of which it is asked whether their words repeat
TOKEN = re.compile(r"\w+|[^\w\s]")  # of a translation


Texts: TypeAlias = Sequence[str] | Array


class Vectorizer(BaseModel):
    r"""Turns texts to ids (N, length) int32 and back. `words` are those from id 2 on, one a line.

    >>> vectorizer = Vectorizer(words="[start]\n[end]\nred\nhouse", length=6, marked=True)
    >>> vectorizer(["red house", "red barn"])
    array([[2, 4, 5, 3, 0, 0],
           [2, 4, 1, 3, 0, 0]], dtype=int32)
    >>> vectorizer.texts(np.array([[2, 4, 5, 3, 0, 0]]))
    ['red house']
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    words: str
    length: Annotated[int, Field(ge=1, le=MOST_LENGTH)]
    marked: bool = False
    characters: bool = False

    @field_validator("words")
    @classmethod
    def _distinct(cls, words: str) -> str:
        found = words.split("\n")
        if len(set(found)) < len(found) or {"", "[UNK]"} & set(found):
            raise ValueError("a vocabulary has each word once, and not those for padding and unknown words")
        return words

    @classmethod
    def fit(
        cls, texts: Texts, words: int, length: int | None, *, marked: bool = False, characters: bool = False
    ) -> Self:
        """Learn a vocabulary from texts.

        Args:
            texts: Texts (N,) of the train split.
            words: The most words to know, the most frequent first.
            length: Tokens that each text becomes; None takes the number that 95 % of the texts do not exceed.
            marked: True for translations, whose texts stand between a start and an end mark.
            characters: True if the tokens are characters.

        Returns:
            The vectorizer.

        Raises:
            InputError: If the texts hold no words.
        """
        layer = _make_layer(None, None, marked=marked, characters=characters, most=words)
        layer.adapt(part[:, np.newaxis] for part in _parts(texts, marked=marked))
        known = [str(word) for word in layer.get_vocabulary(include_special_tokens=False) if word not in ("", "\n")]
        if not known:
            raise InputError("the texts of the train split hold no words")
        if length is None:
            ids = (np.asarray(layer(part)) for part in _parts(texts, marked=marked))
            counts = np.concatenate([(part != PADDING).sum(axis=1) for part in ids])
            length = max(1, int(np.quantile(counts, LENGTH_QUANTILE)))
        if marked:
            known = [*MARKS, *(word for word in known if word not in MARKS)]
        return cls(words="\n".join(known), length=length, marked=marked, characters=characters)

    @property
    def size(self) -> int:
        """Number of ids, padding and the unknown word among them."""
        return len(self.words.split("\n")) + 2

    @cached_property
    def _keras(self) -> "TextVectorization":
        return _make_layer(self.words.split("\n"), self.length, marked=self.marked, characters=self.characters)

    def __call__(self, texts: Texts) -> Array:
        """Return the token ids (N, length) int32 of N texts, lazy of many; the end of one that is longer is cut off."""
        found = RowCollector()
        for part in _parts(texts, marked=self.marked):
            found.append(np.asarray(self._keras(part), np.int32))
        return found.finish()

    def unknown(self, texts: Sequence[str]) -> list[list[str]]:
        r"""Return the words, or characters, of each text that are not in the vocabulary, each once.

        >>> Vectorizer(words="red\nhouse", length=6).unknown(["A red barn!", "red"])
        [['A', 'barn'], []]
        """
        found = [dict.fromkeys(self._split(text)) for text in texts]
        words = list(dict.fromkeys(word for one in found for word in one))
        ids = np.asarray(self(words))[:, int(self.marked)] if words else np.zeros(0, np.int32)
        unknown = {word for word, i in zip(words, ids, strict=True) if i == UNKNOWN}
        return [[word.strip(string.punctuation) or word for word in one if word in unknown] for one in found]

    def _split(self, text: str) -> list[str]:
        if self.characters:
            return list(text)
        return TOKEN.findall(text) if self.marked else text.split()

    def unknown_share(self, ids: Array) -> float:
        r"""Return the share of the tokens of ids (N, T), marks and padding left out, that are not in the vocabulary.

        >>> vectorizer = Vectorizer(words="red\nhouse", length=6)
        >>> vectorizer.unknown_share(vectorizer(["red barn", "red house"]))
        0.25
        """
        unknown = count = 0
        for part in pieces(ids):
            tokens = part[(part != PADDING) & ~(self.marked & np.isin(part, (START, END)))]
            unknown, count = unknown + int((tokens == UNKNOWN).sum()), count + tokens.size
        return unknown / count if count else 0.0

    def texts(self, ids: Array) -> list[str]:
        """Return the texts of ids (N, T), each up to its end mark, without marks and padding."""
        names = ["", "[UNK]", *self.words.split("\n")]
        found = [[names[i] for i in _cut_at_end(row) if i > PADDING and names[i] not in MARKS] for row in ids]
        return ["".join(words) if self.characters else _join(words) for words in found]


def words_repeat(texts: Texts) -> bool:
    """Tell whether at least half of the words in one half of the texts are known from the other half.

    Of texts that are not held some are looked at.

    >>> words_repeat(["good room", "bad room"] * 4), words_repeat([f"AX-{i}" for i in range(8)])
    (True, False)
    """
    texts = texts[:MOST_TEXTS] if isinstance(texts, LazyArray) else texts
    halves = [[word for text in texts[start::2] for word in str(text).lower().split()] for start in (0, 1)]
    known = set(halves[0])
    return sum(word in known for word in halves[1]) >= len(halves[1]) / 2


def _make_layer(
    words: Sequence[str] | None, length: int | None, *, marked: bool, characters: bool, most: int | None = None
) -> "TextVectorization":
    from keras.layers import TextVectorization

    plain = "lower" if characters else "lower_and_strip_punctuation"
    return TextVectorization(
        max_tokens=None if most is None else most + 2,
        standardize=None if marked else plain,
        split="character" if characters else "whitespace",
        output_sequence_length=length,
        vocabulary=words,
    )


def _parts(texts: Texts, *, marked: bool) -> Iterator[Tensor]:
    """Yield texts as tensors (M,) of as many as are looked at together."""
    for start in range(0, max(1, len(texts)), TOGETHER):
        yield _prepare(texts[start : start + TOGETHER], marked=marked)


def _prepare(texts: Texts, *, marked: bool) -> Tensor:
    import tensorflow as tf

    if marked:
        parts = (TOKEN.findall(text) for text in texts)
        texts = [" ".join((MARKS[0], *words, MARKS[1])) for words in parts]
    return tf.constant(list(texts), tf.string)


def _cut_at_end(ids: Array) -> Array:
    ends = np.flatnonzero(ids == END)
    return ids[: ends[0]] if len(ends) else ids


def _join(words: Sequence[str]) -> str:
    """Join words with spaces between them, but none before a full stop or comma."""
    return re.sub(r"\s+([.,;:!?%)])", r"\1", " ".join(words))
