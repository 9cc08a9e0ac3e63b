"""An encoder-decoder transformer for translation (Vaswani et al. 2017, arXiv:1706.03762).

The encoder reads the source; the decoder says for each word of the target, from those before it and the source, which
comes next. Padding of the source (id 0) is looked at by nobody; that of the target comes after all that counts.
"""

import keras
from keras import layers, ops

from tfopt.data.vectorizer import PADDING
from tfopt.models.config import ModelConfig
from tfopt.models.dimensions import Dimensions, Sizes, resolve_dimensions
from tfopt.models.signature import Signature
from tfopt.models.transformer_blocks import add_positions, decoder_block, encoder_block

SIZES: Sizes = {
    "tiny": Dimensions(32, 1, heads=2, dropout=0.1),
    "small": Dimensions(128, 1, heads=4, dropout=0.1),
    "base": Dimensions(256, 3, heads=8, dropout=0.1),
}


def seq2seq(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build an encoder and a decoder of `depth` blocks each on vectors of `width` numbers with `heads` heads.

    Inputs `source` (N, S) and `target` (N, T), outputs the probabilities (N, T, V) of the word after each target word.
    """
    size = resolve_dimensions(config, SIZES)
    words = signature.outputs[-1]
    source = keras.Input(signature.shapes[0], dtype="int32", name="source")
    target = keras.Input(signature.shapes[1], dtype="int32", name="target")
    mask = ops.expand_dims(ops.not_equal(source, PADDING), axis=1)
    x = _embed(source, signature.words, size, "source")
    for block in range(1, size.depth + 1):
        x = encoder_block(x, size, f"encoder{block}", mask)
    x = layers.LayerNormalization(name="encoder_norm")(x)
    y = _embed(target, words, size, "target")
    for block in range(1, size.depth + 1):
        y = decoder_block(y, x, size, f"decoder{block}", mask)
    y = layers.LayerNormalization(name="decoder_norm")(y)
    return keras.Model([source, target], layers.Dense(words, activation="softmax", name="words")(y), name="seq2seq")


def _embed(tokens: keras.KerasTensor, words: int, size: Dimensions, name: str) -> keras.KerasTensor:
    x = layers.Embedding(words, size.width, name=f"{name}_embedding")(tokens)
    x = add_positions(x, size.width, f"{name}_positions")
    return layers.Dropout(size.dropout, name=f"{name}_dropout")(x) if size.dropout else x
