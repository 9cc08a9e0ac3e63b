"""A recurrent network over tokens, the steps of a series or the rows of an image."""

import keras
from keras import layers

from tfopt.models.config import ModelConfig
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.heads import add_head
from tfopt.models.inputs import input_tensor, pool, to_sequence
from tfopt.models.signature import Signature

SIZES: Sizes = {"tiny": Dimensions(16, 1), "small": Dimensions(64, 1), "base": Dimensions(128, 2)}


def rnn(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build `depth` LSTM or GRU layers of `width` units, both ways if `config.bidirectional`.

    The head sees the last answer; for tokens, the largest of each unit over all words, as padding comes last.
    """
    size = resolve_dimensions(config, SIZES)
    inputs = input_tensor(signature)
    x = to_sequence(inputs, signature, max(1, size.width // 2))
    texts = signature.kind == "tokens"
    for layer in range(1, size.depth + 1):
        if layer > 1:
            x = layers.Dropout(size.dropout, name=f"dropout{layer - 1}")(x)
        x = recurrent_layer(x, size.width, config, f"{config.cell}{layer}", whole=texts or layer < size.depth)
    return add_head(inputs, pool(x, signature) if texts else x, signature, size.dropout, "rnn")


def recurrent_layer(
    x: keras.KerasTensor, units: int, config: ModelConfig, name: str, *, whole: bool = False
) -> keras.KerasTensor:
    """Add `config.cell` of so many units to a sequence (N, T, F): its last answer (N, F), or the `whole` sequence.

    The cell is an LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014), one way or both (Schuster 1997).
    """
    cell = layers.LSTM if config.cell == "lstm" else layers.GRU
    if config.bidirectional:
        return layers.Bidirectional(cell(units, return_sequences=whole), name=name)(x)
    return cell(units, return_sequences=whole, name=name)(x)
