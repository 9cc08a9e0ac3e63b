"""`tfopt check`: whether a device can run a model, and what it costs there."""

from typing import Annotated

from tfopt.cli.command import AnyModel, command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.data.config import OtherDataConfig
from tfopt.formats.paths import check_model_path
from tfopt.targets.config import CheckConfig

CalibrationData = Annotated[OtherDataConfig, Fields(OtherDataConfig, only=("data", "scale", "task"))]


@command
def check(out: Output, model: AnyModel, config: CheckConfig, data: CalibrationData) -> None:
    """Say which operations of a model a target runs and what it costs there; exit 1 if it does not fit.

    Examples:
        tfopt check model-int8.tflite --target tflm --flash 64kB --ram 32kB
        tfopt check model.keras --target ethos-u55-128
        tfopt check model-int8.tflite --target my-board.yaml --max-ms 5
    """
    path = check_model_path(model)
    out.load_tensorflow()
    from tfopt.report.target_table import render_target
    from tfopt.targets.check import check

    report = check(path, config, data.config, progress=out)
    out.show_made(report, render_target, [], passed=report.passed)
