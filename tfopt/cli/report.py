"""`tfopt report`: a report that lies on disk, shown again or made a page of HTML."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.config.run import ReportFilesConfig, TargetConfig

ReportPath = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A report: the .report.json beside a model, or the front.json of a search."),
]


@command
def report(
    out: Output,
    report: ReportPath,
    files: ReportFilesConfig,
    target: Annotated[TargetConfig, Fields(TargetConfig, only=["force"])],
) -> None:
    """Show the report of a command again, or make a page of HTML of it; exit 1 if a limit in it does not hold.

    Examples:
        tfopt report model.keras.report.json --html model.html
        tfopt report model-optimized/front.json --html front.html -q
    """
    from tfopt.report.files import check_report_files, write_report_files
    from tfopt.report.reading import read_report

    found = read_report(report)
    check_report_files(files, [report], force=target.force)
    write_report_files(found, files, force=target.force)
    out.report(found, written=files.asked)
