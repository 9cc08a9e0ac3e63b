"""Greedy translation, a word at a time, and its BLEU (Papineni et al. 2002) as sacrebleu computes it (Post 2018)."""

from typing import NamedTuple

import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.sampling import fair_order
from tfopt.data.vectorizer import END, START
from tfopt.evaluation.statistics import verdict
from tfopt.formats.artifact import Artifact
from tfopt.report.changes import BleuChange
from tfopt.report.schema import Bleu
from tfopt.runtime.progress import Advance, Progress
from tfopt.typing import Array

MOST_SENTENCES = 1000
RESAMPLES = 300
EXCHANGES = 10_000  # of sentences between two models, as sacrebleu does by itself


class Translations(NamedTuple):
    """Texts that a model made, and those that were asked for."""

    made: list[str]
    references: list[str]


def translate(artifact: Artifact, source: Array, length: int, advance: Advance) -> Array:
    """Target ids (N, length) of source ids (N, S): at each step the most probable word follows those before it."""
    ids = np.zeros((len(source), length + 1), np.int32)
    ids[:, 0] = START
    going = np.ones(len(source), bool)
    for step in range(length):
        if going.any():
            outputs = artifact.predict((source[going], ids[going, :length]))
            ids[going, step + 1] = np.argmax(np.nan_to_num(outputs[:, step]), axis=-1)
            going &= ids[:, step + 1] != END
        advance(1)
    return ids[:, 1:]


def translations(artifact: Artifact, data: Dataset, progress: Progress) -> Translations:
    """Translate the test split's sentences, at most 1,000; references are the texts before they became tokens."""
    assert data.target_vectorizer is not None
    assert data.references is not None
    chosen = _sentences(data)
    test = data.test.rows(chosen)
    length = test.y.shape[1]
    with progress.task(f"translating with {artifact.name}", length) as advance:
        ids = translate(artifact, test.inputs[0], length, advance)
    return Translations(data.target_vectorizer.texts(ids), [data.references[i] for i in chosen])


def copied(data: Dataset) -> float:
    """BLEU of giving the source texts of the test split back as their translations."""
    from sacrebleu.metrics.bleu import BLEU

    assert data.sources is not None
    assert data.references is not None
    pairs = [(data.sources[i], data.references[i]) for i in _sentences(data)]
    sources, references = (list(texts) for texts in zip(*pairs, strict=True))
    return float(BLEU().corpus_score(sources, [references]).score)


def _sentences(data: Dataset) -> Array:
    """Return the sentences of the test split that are translated: all, in their order, or a fair sample of 1,000."""
    return np.sort(fair_order(data.test.y)[:MOST_SENTENCES])


def score(texts: Translations) -> Bleu:
    """Corpus BLEU with the 95 % interval of a bootstrap over sentences (Koehn 2004)."""
    from sacrebleu.metrics.bleu import BLEU

    metric, (made, references) = BLEU(), texts
    value = metric.corpus_score(made, [references]).score
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(references), size=len(references))
        sample = [made[i] for i in rows], [[references[i] for i in rows]]
        draws.append(metric.corpus_score(*sample).score)
    low, high = np.quantile(draws, (0.025, 0.975))
    return Bleu(value=value, low=float(low), high=float(high), sentences=len(references))


def bleu_change(against: str, before: Translations, after: Translations, exchanges: int = EXCHANGES) -> BleuChange:
    """Compare two models by sacrebleu's paired approximate randomization (Riezler & Maxwell 2005).

    Translations of whole sentences are exchanged at random between the two: how often do they differ as much?
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.significance import PairedTest

    named = [("before", before.made), ("after", after.made)]
    _, scores = PairedTest(named, {"BLEU": BLEU()}, [before.references], "ar", n_samples=exchanges)()
    first, second = scores["BLEU"]
    change, p_value = float(second.score - first.score), float(second.p_value)
    same = before.made == after.made
    return BleuChange(
        against=against,
        change=change,
        p_value=1.0 if same else p_value,
        verdict=verdict(-change, p_value, same=same),
    )
