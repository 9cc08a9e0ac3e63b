"""`tfopt convert`: a Keras model becomes a float LiteRT file, or one of Keras 2 a file of Keras 3."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.options import ModelArgument, Target
from tfopt.cli.output import Output
from tfopt.cli.technique import Chosen, make
from tfopt.conversion.config import ConvertConfig, FloatConfig
from tfopt.core.registry import technique
from tfopt.data.config import DataConfig
from tfopt.errors import InputError

Out = Annotated[Path | None, typer.Argument(metavar="[OUT]", help="File to write, .tflite or .keras; like -o.")]


@command
def convert(
    out: Output,
    model: ModelArgument,
    config: FloatConfig,
    data: DataConfig | None,
    target: Target,
    named: Out = None,
) -> None:
    """Convert a model to LiteRT in float32, the baseline of quantized files, or a file of Keras 2 to Keras 3.

    Examples:
        tfopt convert model.keras
        tfopt convert model.keras -o baseline.tflite
        tfopt convert old.h5 new.keras
    """
    if named and target.path:
        raise InputError(f"{named} and `output` {target.path}: there is one output; give one of them")
    target = Target(named or target.path, target.force)
    chosen = Chosen(technique("convert"), config)
    if target.path and target.path.suffix == ".keras":
        to_keras = technique("to-keras")
        chosen = Chosen(to_keras, to_keras.config())
    make(out, chosen, model, data, target)


@command
def sparsify(out: Output, model: ModelArgument, config: ConvertConfig, data: DataConfig | None, target: Target) -> None:
    """Convert a pruned model to a float LiteRT file without its zeros; refuse if that is not smaller.

    Examples:
        tfopt prune model.keras --sparsity 0.8
        tfopt sparsify model-pruned.keras
    """
    sparse = FloatConfig(sparse="on", batch=config.batch, length=config.length)
    make(out, Chosen(technique("convert"), sparse), model, data, target, ending="-sparse.tflite")
