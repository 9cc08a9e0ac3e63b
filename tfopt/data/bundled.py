"""Data sets that need no download, one for each task; those of `synthetic` are made up."""

from tfopt.data.config import DataConfig
from tfopt.data.raw_data import RawData
from tfopt.data.series import Series
from tfopt.data.synthetic.number_words import make_number_words
from tfopt.data.synthetic.phrases import make_phrases
from tfopt.data.synthetic.shapes import make_shapes
from tfopt.data.synthetic.waves import make_waves


def load_bundled(config: DataConfig) -> RawData | Series:
    """Load one of the data sets named in `tfopt.data.config.BUNDLED`."""
    match config.source:
        case "digits":
            return _load_digits()
        case "diabetes":
            return _load_diabetes()
        case "waves":
            return make_waves()
        case "phrases":
            return make_phrases()
        case "shapes":
            return make_shapes()
        case _:
            return make_number_words()


def _load_digits() -> RawData:
    """Load scikit-learn's copy of the UCI optical digits test set: 1,797 images of 8x8 pixels, values 0..16."""
    import numpy as np
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return RawData(bunch.images[..., np.newaxis], bunch.target, kind="image", peak=16, scale="unit")


def _load_diabetes() -> RawData:
    """Load the data of Efron et al. (2004): progress of a disease in a year from 10 numbers, for 442 patients."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    return RawData(
        bunch.data, bunch.target, kind="features", scale="standard", task="regression",
        columns=tuple(bunch.feature_names),
    )  # fmt: skip
