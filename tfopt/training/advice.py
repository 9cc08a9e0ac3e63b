"""Advice on what may help a training that came to nothing, by whether the training samples were learnt."""

from collections.abc import Sequence

from tfopt.data.raw_data import InputKind
from tfopt.evaluation.sanity import guess_doubts
from tfopt.report.schema import Report

AUGMENTATIONS: dict[InputKind, str] = {
    "image": "`augment` flip,crop,rotate for photographs, `augment` crop for letters or digits",
    "features": "`augment` noise,mixup",
    "series": "`augment` noise",
    "tokens": "`augment` noise",
    "pairs": "`augment` noise",
}
LETTERS = "`characters` reads texts letter by letter, which helps where words are names or hardly repeat"
LEARNT = 1.5  # times the score of the plain method on the train split


def advice(
    report: Report, history: Sequence[dict[str, float]], kind: InputKind, *, by_words: bool = False
) -> list[str]:
    """Say what may help a new model that is no better than a guess.

    Args:
        report: With its measurement, and the score of a method without a model.
        history: The figures of each epoch.
        kind: Of what kind the data are.
        by_words: Whether they are texts to classify that are read word by word.

    Returns:
        Sentences; none if the model is better than a guess.
    """
    baseline = report.data and report.data.baseline
    if not report.data or not baseline:
        return []
    if not guess_doubts(report.measurements, baseline, report.data.task, trained=True):
        return []
    found = "it has not learnt the samples that it was trained on either: are they large enough, and the labels right?"
    if learnt_by_heart(history, baseline.value):
        found = (
            "it knows the samples that it was trained on, and no others: more samples may help, or"
            f" {AUGMENTATIONS[kind]}, a larger `dropout` or `weight_decay`, or `base`, a model that knows similar data"
        )
    return [found, LETTERS] if by_words else [found]


def learnt_by_heart(history: Sequence[dict[str, float]], baseline: float) -> bool:
    """Tell whether a model has learnt its training samples, by the figures of its last epoch.

    >>> learnt_by_heart([{"accuracy": 0.97, "val_accuracy": 0.25}], 0.25)
    True
    """
    last = history[-1] if history else {}
    if "accuracy" in last:
        return last["accuracy"] > min(LEARNT * baseline, (1 + baseline) / 2)
    return "mae" in last and LEARNT * last["mae"] < last["val_mae"]
