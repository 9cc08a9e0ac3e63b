"""One `match` over the architectures; each lives in a file of its own."""

import keras

from tfopt.choices import Arch
from tfopt.config import ModelConfig
from tfopt.data.raw import InputKind
from tfopt.models.signature import Signature

SUITED: dict[InputKind, Arch] = {
    "image": "cnn",
    "features": "mlp",
    "tokens": "transformer",
    "series": "rnn",
    "pairs": "seq2seq",
}


def build(config: ModelConfig, signature: Signature) -> keras.Model:
    """Return a new model, by default of the architecture that suits the data; raise `InputError` if it does not fit."""
    from tfopt.models.cnn import cnn
    from tfopt.models.mlp import mlp

    match config.arch or SUITED[signature.kind]:
        case "mlp":
            return mlp(config, signature)
        case "cnn":
            return cnn(config, signature)
        case _:
            raise NotImplementedError
