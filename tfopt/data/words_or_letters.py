"""Texts are read word by word or letter by letter, as suits them.

Words that hardly occur twice, as names and codes, tell a model nothing: their letters do. For other short texts the
validation split decides: a linear model of their words is compared with one of runs of up to three letters, which takes
a second, where the networks themselves would take minutes.
"""

from typing import NamedTuple

import numpy as np

from tfopt.data.lazy_arrays import take
from tfopt.data.raw_data import RawData
from tfopt.data.vectorizer import words_repeat
from tfopt.typing import Array

SHORT = 32  # letters of half of the texts, at most: of longer ones letters make long rows
MOST_TEXTS, LEAST_TEXTS = 5_000, 50  # to learn from and to judge by
FEATURES = 2**16
ASKED = "(`characters` False reads words)"


class Reading(NamedTuple):
    """The choice to read texts letter by letter or not, and what is to be said of it; empty if nothing is."""

    characters: bool
    note: str = ""


def choose_reading(raw: RawData, train: Array, validation: Array) -> Reading:
    """Choose between words and letters.

    Args:
        raw: Texts with labels.
        train: The rows (N,) of the train split.
        validation: Those of the validation split.
    """
    if not words_repeat(take(raw.x, train)):
        return Reading(True, f"most words occur in few texts only: they are read letter by letter {ASKED}")
    if raw.task != "classification" or raw.y.ndim > 1 or len(validation) < LEAST_TEXTS:
        return Reading(False)
    shown, judged = train[:MOST_TEXTS], validation[:MOST_TEXTS]
    texts, other_texts = ([str(text) for text in take(raw.x, rows)] for rows in (shown, judged))
    labels, other_labels = (np.asarray(take(raw.y, rows)) for rows in (shown, judged))
    if np.median([len(text) for text in texts]) > SHORT or len(np.unique(labels)) < 2:
        return Reading(False)
    by_words, by_letters = (
        _share_right(texts, labels, other_texts, other_labels, letters=letters) for letters in (False, True)
    )
    if by_letters <= by_words:
        return Reading(False)
    told = f"{by_letters:.1%} of {len(judged)} validation texts right where one by words has {by_words:.1%}"
    return Reading(True, f"texts are read letter by letter, as a linear model by letters has {told} {ASKED}")


def _share_right(
    texts: list[str], labels: Array, other_texts: list[str], other_labels: Array, *, letters: bool
) -> float:
    """Return what share of texts a linear model of others calls right."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier

    what = {"analyzer": "char", "ngram_range": (1, 3)} if letters else {"token_pattern": r"\S+"}
    features = HashingVectorizer(n_features=FEATURES, **what)
    probe = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0)
    probe.fit(features.transform(texts), labels)
    return float(np.mean(probe.predict(features.transform(other_texts)) == other_labels))
