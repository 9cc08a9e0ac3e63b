"""The architectures, each in a file of its own: which data and options each takes, and building one of them."""

from collections.abc import Sequence

import keras

from tfopt.config.choices import Arch, Task
from tfopt.data.raw_data import InputKind
from tfopt.errors import InputError
from tfopt.models.cnn import cnn
from tfopt.models.config import ModelConfig
from tfopt.models.hybrid import hybrid
from tfopt.models.mlp import mlp
from tfopt.models.mobilenet import mobilenet
from tfopt.models.rnn import rnn
from tfopt.models.seq2seq import seq2seq
from tfopt.models.signature import Signature
from tfopt.models.transformer import transformer
from tfopt.models.unet import unet

DEFAULT_ARCH: dict[InputKind, Arch] = {
    "image": "cnn",
    "features": "mlp",
    "tokens": "transformer",
    "series": "mlp",
    "pairs": "seq2seq",
}
KINDS: dict[Arch, tuple[InputKind, ...]] = {
    "mlp": ("image", "features", "tokens", "series"),
    "cnn": ("image", "tokens", "series"),
    "mobilenet": ("image",),
    "rnn": ("image", "tokens", "series"),
    "transformer": ("image", "tokens", "series"),
    "hybrid": ("image", "tokens", "series"),
    "seq2seq": ("pairs",),
    "unet": ("image",),
}
FOR_MAPS: tuple[Arch, ...] = ("unet",)  # those that answer an image with an image, and do nothing else
MAPS: tuple[Task, ...] = ("segmentation", "image-to-image")
OPTIONS: dict[str, tuple[Arch, ...]] = {
    "residual": ("cnn",),
    "blocks": ("cnn",),
    "cell": ("rnn", "hybrid"),
    "bidirectional": ("rnn", "hybrid"),
    "parts": ("hybrid",),
    "heads": ("transformer", "hybrid", "seq2seq"),
}
PARTS = {"cell": "rnn", "bidirectional": "rnn", "heads": "attention"}
LEAST_PIXELS = 4
KIND_NAMES: dict[InputKind, str] = {
    "image": "images",
    "features": "features",
    "tokens": "tokens",
    "series": "series",
    "pairs": "pairs of sentences",
}


def build(config: ModelConfig, signature: Signature) -> keras.Model:
    """Build a new model.

    Args:
        config: The config; without `arch` it is the architecture that suits the data.
        signature: The inputs and outputs.

    Returns:
        A model with random weights, not compiled.

    Raises:
        InputError: If the architecture does not take such data, or lacks an option that was set.
    """
    arch = config.arch or default_arch(signature)
    check_architecture(config, arch, signature)
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
        case "unet":
            return unet(config, signature)


def default_arch(signature: Signature) -> Arch:
    """Return the architecture that suits the data where none was asked for."""
    if signature.task == "anomaly":
        return "mlp"
    return FOR_MAPS[0] if signature.task in MAPS else DEFAULT_ARCH[signature.kind]


def check_architecture(config: ModelConfig, arch: Arch, signature: Signature) -> None:
    """Raise `InputError` if `arch` cannot take the samples of the data, or lacks an option that was set."""
    maps = signature.task in MAPS
    if signature.task == "anomaly" and arch != "mlp":
        raise InputError(f"`arch` {arch} has no bottleneck, without which anomalies come through; use `arch` mlp")
    able = [name for name, kinds in KINDS.items() if signature.kind in kinds and (name in FOR_MAPS) == maps]
    given = f"{KIND_NAMES[signature.kind]} of shape {signature.shape}"
    if signature.kind == "image" and (arch in FOR_MAPS) != maps:
        gives = "an answer for each pixel" if arch in FOR_MAPS else "one answer for each image"
        raise InputError(f"`arch` {arch} gives {gives}, which is no {signature.task}; use `arch` {_join_names(able)}")
    if arch not in able:
        raise InputError(f"`arch` {arch} does not take {given}; use `arch` {_join_names(able)}")
    if signature.kind == "image" and len(signature.shape) not in (2, 3):
        raise InputError(f"{given} are none: an image has the shape (H, W) or (H, W, C); use `arch` mlp")
    if signature.kind == "image" and arch != "mlp" and min(signature.shape[:2]) < LEAST_PIXELS:
        raise InputError(
            f"`arch` {arch} needs images of at least 4x4 pixels, not {given}{'; use `arch` mlp' * (not maps)}"
        )
    for option, archs in OPTIONS.items():
        value = getattr(config, option)
        if value == type(config).model_fields[option].default:
            continue
        if arch not in archs:
            raise InputError(
                f"{_spell_option(option, value)} is not for `arch` {arch}: it is for {_join_names(archs, 'and')}"
            )
        if arch == "hybrid" and PARTS.get(option, "") not in config.parts:
            raise InputError(
                f"{_spell_option(option, value)} needs `parts` {PARTS[option]} or rnn+attention, not {config.parts}"
            )


def _spell_option(option: str, value: object) -> str:
    return f"`{option}`" if isinstance(value, bool) else f"`{option}` {value}"


def _join_names(names: Sequence[str], word: str = "or") -> str:
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
