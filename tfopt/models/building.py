"""One `match` over the architectures; each lives in a file of its own."""

import keras

from tfopt.config.choices import Arch
from tfopt.data.raw import InputKind
from tfopt.models.cnn import cnn
from tfopt.models.config import ModelConfig
from tfopt.models.hybrid import hybrid
from tfopt.models.mlp import mlp
from tfopt.models.mobilenet import mobilenet
from tfopt.models.rnn import rnn
from tfopt.models.seq2seq import seq2seq
from tfopt.models.signature import Signature
from tfopt.models.suitability import check
from tfopt.models.transformer import transformer

SUITED: dict[InputKind, Arch] = {
    "image": "cnn",
    "features": "mlp",
    "tokens": "transformer",
    "series": "mlp",
    "pairs": "seq2seq",
}


def build(config: ModelConfig, signature: Signature) -> keras.Model:
    """Return a new model, by default of the architecture that suits the data; raise `InputError` if it does not fit."""
    arch = config.arch or SUITED[signature.kind]
    check(config, arch, signature)
    match arch:
        case "mlp":
            return mlp(config, signature)
        case "cnn":
            return cnn(config, signature)
        case "mobilenet":
            return mobilenet(config, signature)
        case "rnn":
            return rnn(config, signature)
        case "transformer":
            return transformer(config, signature)
        case "hybrid":
            return hybrid(config, signature)
        case "seq2seq":
            return seq2seq(config, signature)
