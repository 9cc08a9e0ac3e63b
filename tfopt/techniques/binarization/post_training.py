"""Binarization without training: the better of two roundings."""

from collections.abc import Mapping

import keras

from tfopt.data.dataset import Dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.kernels import Kernel
from tfopt.runtime.progress import Progress
from tfopt.techniques.binarization.layer_changes import RoundedModel
from tfopt.techniques.rounding.levels import Levels
from tfopt.techniques.rounding.selection import choose_rounding
from tfopt.techniques.rounding.side_by_side import most_samples

MOST_SAMPLES = 256  # that rounding looks at


def best_rounding(
    model: keras.Model,
    levels: Mapping[str, Levels],
    data: Dataset,
    evaluator: Evaluator,
    title: str,
    progress: Progress,
) -> RoundedModel:
    """The better of two roundings, with and without compensation of errors, on the validation split."""
    before, pairs = fold_batch_norms(model, title)
    samples = data.calibration.sample(min(MOST_SAMPLES, most_samples(before))).inputs

    def levels_of(name: str, kernel: Kernel) -> Levels | None:
        return "int8" if kernel.depthwise and name in levels else levels.get(name)

    chosen = choose_rounding(before, levels_of, samples, evaluator, title, progress)
    return RoundedModel(chosen.model, pairs, frozenset(), [chosen.note, *chosen.seen.notes()], [])
