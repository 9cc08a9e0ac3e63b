"""Weights of samples: tfopt counts each sample the same, so data that name such weights are not read without them."""

from collections.abc import Iterable

from tfopt.errors import InputError

NAMES = ("sample_weight", "sample_weights", "sample_weight_train", "sample_weights_train")


def refuse_weights(title: str, names: Iterable[str]) -> None:
    """Raise `InputError` if a column or an array has the name that weights of samples have.

    >>> refuse_weights("d.csv", ["weight", "label"])
    """
    for name in names:
        if is_weight(name):
            raise InputError(
                f"{title} has {name}, but each sample counts the same here: leave it out, or give it another name if it"
                " is something to learn from"
            )


def is_weight(name: str) -> bool:
    """Tell whether a column or an array has such a name."""
    return name.partition(".")[0].strip().lower() in NAMES
