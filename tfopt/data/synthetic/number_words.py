"""Translations that are made up: the numbers below 10,000 in English words and, in German order, in German pieces.

    two hundred and thirty four -> zwei hundert vier und dreißig

German says the ones before the tens and joins all in one word; here the pieces stand apart, so that a word is a token.
A fifth of a random 6,000 of the numbers is the test split: it shares no number with the others.
"""

from collections.abc import Callable

import numpy as np

from tfopt.data.raw_data import RawData
from tfopt.typing import Array

NUMBERS = 6000
BELOW = 10_000
SEED = 20_240_103

ENGLISH = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
ENGLISH_TENS = {2: "twenty", 3: "thirty", 4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}
GERMAN = (
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
    "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
)  # fmt: skip
GERMAN_TENS = {
    2: "zwanzig", 3: "dreißig", 4: "vierzig", 5: "fünfzig", 6: "sechzig", 7: "siebzig", 8: "achtzig", 9: "neunzig",
}  # fmt: skip


def make_number_words() -> RawData:
    """Make the English and German words of 6,000 numbers."""
    numbers = np.random.default_rng(SEED).choice(BELOW, NUMBERS, replace=False)
    return RawData(
        _spell_all(numbers, spell_english), _spell_all(numbers, spell_german), kind="pairs", task="translation"
    )


def spell_english(number: int) -> str:
    """Spell a number below 10,000 in English.

    >>> spell_english(234)
    'two hundred and thirty four'
    """
    thousands, rest = divmod(number, 1000)
    hundreds, small = divmod(rest, 100)
    words = [f"{ENGLISH[thousands]} thousand"] * bool(thousands) + [f"{ENGLISH[hundreds]} hundred"] * bool(hundreds)
    if small and words:
        words.append("and")
    if small >= 20:
        tens, ones = divmod(small, 10)
        words += [ENGLISH_TENS[tens], *([ENGLISH[ones]] if ones else [])]
    elif small or not words:
        words.append(ENGLISH[small])
    return " ".join(words)


def spell_german(number: int) -> str:
    """Spell a number below 10,000 in German pieces, the ones before the tens.

    >>> spell_german(234)
    'zwei hundert vier und dreißig'
    """
    thousands, rest = divmod(number, 1000)
    hundreds, small = divmod(rest, 100)
    pieces = [f"{_spell_before_piece(thousands)} tausend"] * bool(thousands) + [
        f"{_spell_before_piece(hundreds)} hundert"
    ] * bool(hundreds)
    if small >= 20:
        tens, ones = divmod(small, 10)
        pieces += [*([_spell_before_piece(ones), "und"] if ones else []), GERMAN_TENS[tens]]
    elif small or not pieces:
        pieces.append(GERMAN[small])
    return " ".join(pieces)


def _spell_before_piece(number: int) -> str:
    """Return "ein" for one before a larger piece, else the usual word."""
    return "ein" if number == 1 else GERMAN[number]


def _spell_all(numbers: Array, words: Callable[[int], str]) -> Array:
    texts = np.empty(len(numbers), object)
    texts[:] = [words(int(number)) for number in numbers]
    return texts
