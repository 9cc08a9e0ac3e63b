"""`tfopt convert`: a Keras model becomes a float LiteRT file, or one of Keras 2 a file of Keras 3."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import Model, command
from tfopt.cli.output import Output
from tfopt.cli.technique import make
from tfopt.config.run import StepTargetConfig
from tfopt.conversion.config import ConvertConfig, FloatConfig
from tfopt.data.config import OtherDataConfig
from tfopt.errors import InputError
from tfopt.targets.config import MadeForConfig
from tfopt.techniques.convert.technique import ToKerasConfig, ToOnnxConfig

Out = Annotated[Path | None, typer.Argument(metavar="[OUT]", help="File to write, .tflite, .onnx or .keras; like -o.")]


@command
def convert(
    out: Output, model: Model, config: FloatConfig, data: OtherDataConfig, target: MadeForConfig, named: Out = None
) -> None:
    """Convert a model to LiteRT in float32, the baseline of quantized files, to ONNX, or a file of Keras 2 to Keras 3.

    Examples:
        tfopt convert model.keras
        tfopt convert model.keras -o baseline.tflite
        tfopt convert model.keras --for tflm
        tfopt convert model.keras model.onnx
        tfopt convert old.h5 new.keras
    """
    if named and target.output:
        raise InputError(f"{named} and `output` {target.output}: there is one output; give one of them")
    target = target.model_copy(update={"output": named or target.output})
    suffix = target.output.suffix if target.output else ""
    others = {".keras": ToKerasConfig, ".onnx": ToOnnxConfig}
    if suffix in others and config.model_fields_set:
        raise InputError(f"`{min(config.model_fields_set)}` is for a .tflite file: leave it out with {target.output}")
    if suffix in others and target.made_for:
        raise InputError(f"`made_for` {target.made_for} is for a .tflite file: leave it out with {target.output}")
    make(out, others[suffix]() if suffix in others else config, model, data, target)


@command
def sparsify(out: Output, model: Model, config: ConvertConfig, data: OtherDataConfig, target: StepTargetConfig) -> None:
    """Convert a pruned model to a float LiteRT file without its zeros; refuse if that is not smaller.

    Examples:
        tfopt prune model.keras --sparsity 0.8
        tfopt sparsify model-pruned.keras
    """
    sparse = FloatConfig(sparse="on", **config.model_dump(exclude_unset=True))
    make(out, sparse, model, data, target, ending="-sparse.tflite")
