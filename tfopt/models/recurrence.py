"""Recurrent layers: LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014), one way or both (Schuster 1997)."""

import keras
from keras import layers

from tfopt.models.config import ModelConfig


def recurrent(
    x: keras.KerasTensor, units: int, config: ModelConfig, name: str, *, whole: bool = False
) -> keras.KerasTensor:
    """What `config.cell` of so many units answers to a sequence (N, T, F): its last answer, or the `whole` sequence."""
    cell = layers.LSTM if config.cell == "lstm" else layers.GRU
    if config.bidirectional:
        return layers.Bidirectional(cell(units, return_sequences=whole), name=name)(x)
    return cell(units, return_sequences=whole, name=name)(x)
