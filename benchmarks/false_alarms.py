"""How often each verdict of a report is wrong: simulated pairs of models that do not differ, and pairs that do.

For each verdict 2,000 pairs are judged by the functions that reports use. Of pairs that differ by chance alone at most
about 5 in 100 may be called better or worse; a limit with a confidence may pass a model that loses as much as it allows
as seldom. A planted difference of either sign must be found, and called by its right name.
"""

import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from scipy.stats import binomtest

from tfopt.evaluation.bleu import Translations, bleu_change
from tfopt.evaluation.latency import latency_change
from tfopt.evaluation.limits import Limit
from tfopt.evaluation.metrics.named import KNOWN
from tfopt.evaluation.statistics import accuracy_change, deviation_change, worsening
from tfopt.tasks.registry import rules_of
from tfopt.typing import Array

PAIRS = 2000
ALLOWED = 0.05
EXCHANGES = 400  # of sentences: fewer than in a report, where 10,000 give more digits of the p-value
RIGHT = {"better": 1, "faster": 1, "worse": -1, "slower": -1}
HORIZON, SENTENCES, WORDS = 12, 120, 12

Rng = np.random.Generator


class Verdict(NamedTuple):
    """A verdict: `judge` makes a pair whose second model is better by `effect` and says 1 (better), -1 (worse) or 0."""

    name: str
    judge: Callable[[Rng, float], int]
    effect: float


def answers(rng: Rng, effect: float, samples: int = 300) -> int:
    """Right and wrong answers of two models that agree on most samples."""
    easy = rng.normal(1.5, 1.5, samples)
    before, after = (rng.random(samples) < _share(easy + shift) for shift in (0.0, effect))
    return _sign(accuracy_change("a", before, after).verdict)


def words(rng: Rng, effect: float) -> int:
    """Words of sentences that are easy or hard as a whole, for each model in its own way."""
    clusters = rules_of("translation").clusters(np.ones((SENTENCES, WORDS)))
    before, after = (
        rng.random(SENTENCES * WORDS) < np.repeat(_share(rng.normal(1 + shift, 1.5, SENTENCES)), WORDS)
        for shift in (0.0, effect)
    )
    return _sign(accuracy_change("a", before, after, clusters).verdict)


def bleu_scores(rng: Rng, effect: float) -> int:
    """Translations with words that are missing, from sentences that are easy or hard for each model in its own way."""
    references = [[f"w{rng.integers(50)}" for _ in range(WORDS)] for _ in range(SENTENCES // 2)]
    before, after = (translated(references, shift, rng) for shift in (0.0, effect))
    return _sign(bleu_change("a", before, after, EXCHANGES).verdict)


def translated(references: list[list[str]], shift: float, rng: Rng) -> Translations:
    """Translations that miss words."""
    shares = _share(rng.normal(1.5 + shift, 1.0, len(references)))
    made = [
        " ".join(word if rng.random() < share else "x" for word in one)
        for one, share in zip(references, shares, strict=True)
    ]
    return Translations(made, [" ".join(one) for one in references])


def errors(rng: Rng, effect: float, samples: int = 200) -> int:
    """Errors with a long tail."""
    before = rng.lognormal(0, 1, samples)
    return _sign(
        deviation_change("a", before, 0.5 * before + 0.5 * (1 - effect) * rng.lognormal(0, 1, samples)).verdict
    )


def skewed_errors(rng: Rng, effect: float, samples: int = 400) -> int:
    """Most errors a little smaller, some so much larger that their mean is the same."""
    before = rng.lognormal(0, 1, samples)
    return _sign(deviation_change("a", before, before + rng.exponential(1 - effect, samples) - 1 + 1e-9).verdict)


def few_errors(rng: Rng, effect: float) -> int:
    """As few as the test months of a small series."""
    return errors(rng, effect, 27)


def windows(rng: Rng, effect: float, count: int = 1500) -> int:
    """Windows of a series, each an hour after the one before, whose steps have errors that drag on."""
    y = np.zeros((count, HORIZON))

    def one(shift: float) -> Array:
        noise = rng.normal(size=count + HORIZON + 50)
        series = np.abs(np.convolve(noise, 0.7 ** np.arange(50), "valid")[: count + HORIZON - 1]) * (1 - shift)
        return np.convolve(series, np.ones(HORIZON) / HORIZON, "valid")

    return _sign(deviation_change("a", one(0.0), one(effect), rules_of("forecasting").clusters(y)).verdict)


def metric_of_classes(name: str, rng: Rng, effect: float, samples: int = 300) -> int:
    """Probabilities of three classes, one of them rare, of two models that see them with noise of their own."""
    y = rng.choice(3, samples, p=[0.6, 0.3, 0.1])
    seen = rng.normal(0, 1, (samples, 3)) + 1.5 * np.eye(3)[y]
    before, after = (
        KNOWN[name].judge(y, softmax(seen + rng.normal(0, 1 - shift, (samples, 3)), axis=1), None, "test")
        for shift in (0.0, effect)
    )
    return _sign(before.change("a", after).verdict)


def macro_f1(rng: Rng, effect: float) -> int:
    """As above, judged by macro F1."""
    return metric_of_classes("macro-f1", rng, effect)


def roc_auc(rng: Rng, effect: float) -> int:
    """As above, judged by the area under the ROC curve."""
    return metric_of_classes("roc-auc", rng, effect)


def root_mean_squared(rng: Rng, effect: float, samples: int = 200) -> int:
    """Numbers that are predicted with noise."""
    y = rng.normal(0, 1, (samples, 1))
    before, after = (
        KNOWN["rmse"].judge(y, y + rng.normal(0, 1 - shift, (samples, 1)), None, "test") for shift in (0.0, effect)
    )
    return _sign(before.change("a", after).verdict)


def latencies(rng: Rng, effect: float, rounds: int = 100) -> int:
    """Times that drift together, with noise and interruptions of their own."""
    drift = np.exp(np.cumsum(rng.normal(0, 0.02, rounds)))
    before, after = (
        drift * rng.lognormal(0, 0.15, rounds) * np.where(rng.random(rounds) < 0.03, 5, 1) * (1 - shift)
        for shift in (0.0, effect)
    )
    return _sign(latency_change("a", before, after).verdict)


def limited_accuracy(rng: Rng, effect: float, samples: int = 216) -> int:
    """A model that loses 3 points, 4 and 1 that it wins, held to at most 3 by the worse end of the interval."""
    draws = rng.random(samples)
    before, after = draws >= 0.01, (draws < 0.01) | (draws >= 0.05 - effect)
    limit = Limit("max-drop", 0.03, 0.95)
    return int(limit.holds(worsening(before, after, None, limit.level)))


def limited_words(rng: Rng, effect: float) -> int:
    """A model that loses 6 points, all words of a sentence together, held to that."""
    sentences = np.repeat(rng.random(SENTENCES) < 0.06 - effect, WORDS)
    limit = Limit("max-drop", 0.06, 0.95)
    clusters = rules_of("translation").clusters(np.ones((SENTENCES, WORDS)))
    return int(limit.holds(worsening(np.ones_like(sentences), ~sentences, clusters, limit.level)))


def limited_errors(rng: Rng, effect: float, samples: int = 200) -> int:
    """A model whose error grows by a tenth, held to that."""
    before = rng.lognormal(0, 0.8, samples)
    limit = Limit("max-error-growth", 0.1, 0.95)
    after = before * rng.lognormal(-0.045, 0.3, samples) * (1.1 - effect)
    return int(limit.holds(worsening(before, after, None, limit.level)))


VERDICTS = [
    Verdict("accuracy (McNemar)", answers, 1.0),
    Verdict("accuracy of words (by sentences)", words, 1.0),
    Verdict("BLEU (paired randomization)", bleu_scores, 1.0),
    Verdict("error (paired t-test)", errors, 0.5),
    Verdict("error, skewed differences", skewed_errors, 0.3),
    Verdict("error, 27 samples", few_errors, 0.9),
    Verdict("error of overlapping windows", windows, 0.3),
    Verdict("macro F1 (bootstrap)", macro_f1, 0.7),
    Verdict("ROC-AUC (bootstrap)", roc_auc, 0.7),
    Verdict("RMSE (bootstrap)", root_mean_squared, 0.2),
    Verdict("latency (bootstrap)", latencies, 0.2),
]
LIMITS = [
    Verdict("limit on accuracy, at worst", limited_accuracy, 0.04),
    Verdict("limit on accuracy of words, at worst", limited_words, 0.06),
    Verdict("limit on error, at worst", limited_errors, 0.2),
]


class Found(NamedTuple):
    """How often a verdict alarmed, and the 95 % interval of the rate."""

    alarms: int
    rate: float
    low: float
    high: float


def false_alarms(verdict: Verdict, pairs: int) -> Found:
    """Judge pairs of models that do not differ."""
    rng = np.random.default_rng(1)
    alarms = sum(verdict.judge(rng, 0.0) != 0 for _ in range(pairs))
    interval = binomtest(alarms, pairs).proportion_ci(method="exact")
    return Found(alarms, alarms / pairs, interval.low, interval.high)


def found_effects(verdict: Verdict, pairs: int, sign: int = 1) -> tuple[float, float]:
    """Return how often a planted difference of this sign is found, and how often it is called the opposite."""
    rng = np.random.default_rng(2)
    said = [verdict.judge(rng, sign * verdict.effect) * sign for _ in range(pairs)]
    return float(np.mean(np.array(said) > 0)), float(np.mean(np.array(said) < 0))


def _share(x: Array) -> Array:
    shares: Array = 1 / (1 + np.exp(-x))
    return shares


def _sign(verdict: str) -> int:
    return RIGHT.get(verdict, 0)


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    print(f"{'verdict':38}{'pairs':>6}{'alarms':>8}{'rate':>8}  {'95 % interval':16}planted effects found (opposite)")
    too_many = []
    for verdict in (*VERDICTS, *LIMITS):
        found = false_alarms(verdict, pairs)
        signs = (1, -1) if verdict in VERDICTS else (1,)
        told = [found_effects(verdict, max(20, pairs // 20), sign) for sign in signs]
        effects = ", ".join(f"{right:.0%} ({wrong:.0%})" for right, wrong in told)
        interval = f"{found.low:.1%} to {found.high:.1%}"
        print(f"{verdict.name:38}{pairs:>6}{found.alarms:>8}{found.rate:>8.1%}  {interval:16}{effects}", flush=True)
        if found.low > ALLOWED:
            too_many.append(verdict.name)
    if too_many:
        print(f"alarm too often: {', '.join(too_many)}")
    return 1 if too_many else 0


if __name__ == "__main__":
    sys.exit(main())
