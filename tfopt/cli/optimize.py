"""`tfopt optimize`: the smallest, fastest or leanest file within what may be lost."""

from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import Model, command
from tfopt.cli.groups import Fields
from tfopt.cli.output import Output
from tfopt.config.run import FolderConfig, ReportFilesConfig
from tfopt.data.config import OtherDataConfig
from tfopt.errors import InputError
from tfopt.optimization.config import OptimizeConfig

Pick = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Write file N of the front of an earlier run; nothing is made anew.",
        rich_help_panel=FolderConfig.panel,
    ),
]


@command
def optimize(
    out: Output,
    model: Model,
    config: OptimizeConfig,
    data: OtherDataConfig,
    where: Annotated[FolderConfig, Fields(FolderConfig, only=("output", "resume", "force"))],
    files: ReportFilesConfig,
    pick: Pick = None,
) -> None:
    """Search for the smallest, fastest or leanest file of a model within what may be lost.

    Examples:
        tfopt optimize model.keras --max-drop 1%
        tfopt optimize model.keras --max-drop 1% --for tflm --flash 64kB --ram 32kB --time 10m
        tfopt optimize model.keras --goal latency --finalists 0 --html front.html
        tfopt optimize model.keras --pick 3
    """
    from tfopt.formats.paths import check_model_path, model_stem

    path = check_model_path(model)
    folder = where.output or Path(f"{model_stem(path)}-optimized")
    if pick is not None:
        if files.asked:
            raise InputError("`pick` measures nothing anew: `tfopt report` makes files of the front.json of a run")
        from tfopt.optimization.pick import pick as pick_point

        output, point = pick_point(pick, folder)
        out.say(f"wrote {output}: {point.made}, {point.loss * 100:.2f} points lost on the validation split")
        return
    from tfopt.optimization.pick import FRONT
    from tfopt.report.files import check_report_files, write_report_files

    force = where.force or where.resume
    check_report_files(files, [path, folder / FRONT], force=force)
    out.load_tensorflow()
    from tfopt.optimization.optimization import optimize as search

    out.on_failure = "the same command with --resume goes on with what has been made"
    result = search(path, config, data.config, folder=where.model_copy(update={"output": folder}), progress=out)
    write_report_files(result.report, files, force=force)
    out.report(result.report, written=[Path(result.report.output or "")])
