"""A forecaster with a linear part starts as the best linear forecast, and learns what that cannot say."""

import keras
import numpy as np

from tfopt.data.dataset import Dataset
from tfopt.data.linear_forecast import fit_linear_forecast
from tfopt.evaluation.evaluator import Evaluator
from tfopt.models.heads import LINEAR, NUMBERS
from tfopt.typing import Array

KEPT = "no epoch beat the linear forecast it started from on the validation split: that is what it is"


def start_from_linear_forecast(model: keras.Model, data: Dataset) -> list[Array] | None:
    """Give the linear part the weights of a ridge regression and silence the rest; return all weights.

    None is returned, and nothing done, if the model has no such part.
    """
    layers = {layer.name: layer for layer in model.layers}
    if data.task != "forecasting" or LINEAR not in layers:
        return None
    found = fit_linear_forecast(data)
    linear, rest = layers[LINEAR], layers[NUMBERS]
    given = zip(linear.get_weights(), (found.kernel, found.bias), strict=True)
    linear.set_weights([value.reshape(weight.shape) for weight, value in given])
    rest.set_weights([np.zeros_like(weight) for weight in rest.get_weights()])
    return list(model.get_weights())


def keep_better(model: keras.Model, start: list[Array], data: Dataset) -> float | None:
    """Give a trained model the weights of its start again if it is no better on the validation split.

    Returns:
        The mean absolute error of its start on that split, if it is that again.
    """
    evaluator, trained = Evaluator.on(data, "validation"), model.get_weights()
    after = evaluator.score(model).mean()
    model.set_weights(start)
    before = float(evaluator.score(model).mean())
    if before <= after:
        return before
    model.set_weights(trained)
    return None
