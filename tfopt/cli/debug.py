"""`tfopt debug`: which layer suffers from quantization, or from losing channels."""

from typing import Annotated, Any

from tfopt.cli.alternatives import Alternative, Alternatives
from tfopt.cli.command import command
from tfopt.cli.options import ModelArgument
from tfopt.cli.output import Output
from tfopt.cli.quantize import with_precision
from tfopt.data.config import DataConfig
from tfopt.formats.paths import check_model_path
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig

QUANTIZE = ("precision", "weights", "block", "algorithm", "length", "calibration")
REMOVE = "Show what it costs if channels leave each group that hangs together."
EITHER = Alternatives(
    [
        Alternative("quantize", QuantizeConfig, only=QUANTIZE),
        Alternative("structured", StructuredConfig, "structured", REMOVE, only=("amount", "importance")),
    ],
    with_precision,
)


@command
def debug(
    out: Output, model: ModelArgument, chosen: Annotated[tuple[str, Any], EITHER], data: DataConfig | None
) -> None:
    """Quantize a model, or silence channels, write nothing, and show layer by layer what that does, worst first.

    Examples:
        tfopt debug model.keras
        tfopt debug model.keras --dynamic --weights int4
        tfopt debug model.keras --structured --amount 0.25
    """
    _, config = chosen
    path = check_model_path(model)
    out.load_tensorflow()
    from tfopt.api import debug

    out.report(debug(path, config, data, progress=out))
