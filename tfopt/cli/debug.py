"""`tfopt debug`: which layer suffers from quantization, or from losing channels."""

from typing import Annotated, Any

from tfopt.cli.command import Model, command
from tfopt.cli.groups import Choice, Fields
from tfopt.cli.output import Output
from tfopt.cli.quantize import with_precision
from tfopt.data.config import OtherDataConfig
from tfopt.formats.paths import check_model_path
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig

QUANTIZE = ("precision", "weights", "block", "algorithm", "length", "calibration")
REMOVE = "Show what it costs if channels leave each group that hangs together."
CHANNELS = Choice(StructuredConfig, "structured", REMOVE, only=("amount", "importance"))
Either = Annotated[Any, Fields(QuantizeConfig, CHANNELS, only=QUANTIZE, adjust=with_precision)]


@command
def debug(out: Output, model: Model, config: Either, data: OtherDataConfig) -> None:
    """Quantize a model, or silence channels, write nothing, and show layer by layer what that does, worst first.

    Examples:
        tfopt debug model.keras
        tfopt debug model.keras --dynamic --weights int4
        tfopt debug model.keras --structured --amount 0.25
    """
    path = check_model_path(model)
    out.load_tensorflow()
    from tfopt.api import debug

    out.report(debug(path, config, data.config, progress=out))
