"""Texts that are made up: 3,000 reviews in two classes whose words alone do not tell the class.

    review  = opening clause ["," joint clause] [ending] "."
    clause  = noun verb [degree] opinion | noun verb "not" [degree] opinion
    opinion = good word | bad word

Each clause praises or blames: a good word, a bad word, or either of them turned round by "not". In a review of two
clauses joined by "but" or "although" the second or the first counts, with "and" they agree. 5 % of the labels are
wrong, so that no model is right more often than 95 % but by chance.
"""

import numpy as np

from tfopt.data.raw_data import RawData

REVIEWS = 3000
WRONG = 0.05
SEED = 20_240_102
CLASSES = ("blame", "praise")

OPENINGS = ("honestly", "overall", "i think", "we found that", "in the end", "for the price", "after a week", "")
NOUNS = ("room", "staff", "screen", "battery", "food", "service", "sound", "cover", "lens", "menu", "story", "price")
VERBS = ("is", "was", "seems", "looks", "felt", "remains")
DEGREES = ("very", "really", "rather", "quite", "so", "", "", "")
GOOD = ("good", "great", "pleasant", "solid", "clean", "lovely", "quick", "fair", "sharp", "friendly", "reliable")
BAD = ("bad", "poor", "awful", "weak", "dirty", "dull", "slow", "unfair", "blurred", "rude", "flimsy")
ENDINGS = ("all things considered", "as far as i can tell", "at least for us", "this time", "", "", "", "")


def make_phrases() -> RawData:
    """Make the reviews, with labels that say whether they praise (1) or blame (0)."""
    rng = np.random.default_rng(SEED)
    texts: dict[str, int] = {}
    while len(texts) < REVIEWS:
        text, praises = _make_review(rng)
        texts.setdefault(text, int(praises))
    labels = np.array(list(texts.values()))
    wrong = rng.random(REVIEWS) < WRONG
    x = np.empty(REVIEWS, object)
    x[:] = list(texts)
    return RawData(x, np.where(wrong, 1 - labels, labels), kind="tokens", class_names=CLASSES)


def _make_review(rng: np.random.Generator) -> tuple[str, bool]:
    praises, turned = bool(rng.integers(2)), bool(rng.integers(2))
    match rng.integers(4):
        case 0:
            body = _make_clause(rng, praises)
        case 1:
            body = f"{_make_clause(rng, praises)} and the {_make_clause(rng, praises)}"
        case 2:
            body = f"{_make_clause(rng, praises != turned)}, but the {_make_clause(rng, praises)}"
        case _:
            body = f"{_make_clause(rng, praises)}, although the {_make_clause(rng, praises != turned)}"
    return _join(_choose(rng, OPENINGS), "the", body, _choose(rng, ENDINGS)) + ".", praises


def _make_clause(rng: np.random.Generator, praises: bool) -> str:
    negated = rng.random() < 0.4
    opinion = _choose(rng, GOOD if praises != negated else BAD)
    return _join(_choose(rng, NOUNS), _choose(rng, VERBS), "not" if negated else "", _choose(rng, DEGREES), opinion)


def _choose(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[rng.integers(len(words))]


def _join(*words: str) -> str:
    return " ".join(word for word in words if word)
