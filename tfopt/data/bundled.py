"""Data sets that need no download, one for each task; those that are made up are described where they are made."""

from tfopt.data.config import DataConfig
from tfopt.data.raw_data import Raw
from tfopt.data.series import Series
from tfopt.data.synthetic.number_words import number_words
from tfopt.data.synthetic.phrases import phrases
from tfopt.data.synthetic.waves import waves


def bundled(config: DataConfig) -> Raw | Series:
    """One of `tfopt.data.config.BUNDLED`."""
    match config.source:
        case "digits":
            return _digits()
        case "diabetes":
            return _diabetes()
        case "waves":
            return waves()
        case "phrases":
            return phrases()
        case _:
            return number_words()


def _digits() -> Raw:
    """Scikit-learn's copy of the UCI optical digits test set: 1,797 images of 8x8 pixels, values 0..16."""
    import numpy as np
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Raw(bunch.images[..., np.newaxis], bunch.target, kind="image", peak=16, scale="unit")


def _diabetes() -> Raw:
    """Scikit-learn's copy of Efron et al. (2004): progress of a disease in a year from 10 numbers, 442 patients."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return Raw(
        bunch.data, bunch.target, kind="features", scale="standard", task="regression",
        columns=tuple(bunch.feature_names),
    )  # fmt: skip
