"""`tfopt compare` and `tfopt evaluate`: measure files, side by side or one alone."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import AnyModel, command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.config.metric import MetricConfig
from tfopt.config.run import ReportFilesConfig, TargetConfig
from tfopt.data.config import OtherDataConfig
from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.formats.paths import check_model_path

Models = Annotated[
    list[Path], typer.Argument(metavar="MODEL...", help=".keras and .tflite files; the first is the baseline.")
]


@command
def compare(
    out: Output,
    models: Models,
    gates: Gates,
    data: OtherDataConfig,
    files: ReportFilesConfig,
    target: Annotated[TargetConfig, Fields(TargetConfig, only=["force"])],
) -> None:
    """Measure models side by side; exit 1 if one exceeds a limit.

    Examples:
        tfopt compare model.keras model-pruned.keras model-pruned-int8.tflite
        tfopt compare model.keras model-int8.tflite --max-drop 0.01 --max-size 30kB --junit results.xml
    """
    if len(models) < 2:
        raise InputError("two or more models are needed to compare; `tfopt evaluate` measures one")
    paths = [check_model_path(path) for path in models]
    from tfopt.report.files import check_report_files, write_report_files

    check_report_files(files, paths, force=target.force)
    out.load_tensorflow()
    from tfopt.api import compare

    report = compare(paths, data.config, gates, progress=out)
    write_report_files(report, files, force=target.force)
    out.report(report)


@command
def evaluate(
    out: Output,
    model: AnyModel,
    data: OtherDataConfig,
    metric: MetricConfig,
    files: ReportFilesConfig,
    target: Annotated[TargetConfig, Fields(TargetConfig, only=["force"])],
) -> None:
    """Measure one model: size, accuracy with its interval, latency.

    Examples:
        tfopt evaluate model.keras
        tfopt evaluate model-int8.tflite --data digits
        tfopt evaluate model.keras --metric macro-f1
        tfopt evaluate model.keras --html model.html
    """
    path = check_model_path(model)
    from tfopt.report.files import check_report_files, write_report_files

    check_report_files(files, [path], force=target.force)
    out.load_tensorflow()
    from tfopt.api import evaluate

    report = evaluate(path, data.config, metric=metric.metric, progress=out)
    write_report_files(report, files, force=target.force)
    out.report(report)
