"""`tfopt pack`: LiteRT files without the bytes that no runtime reads."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from tfopt.cli.command import command
from tfopt.cli.output import Output
from tfopt.config.run import TargetConfig
from tfopt.conversion.config import PackConfig
from tfopt.core.destination import Destination
from tfopt.errors import InputError
from tfopt.formats.paths import check_tflite_path
from tfopt.runtime.atomic_files import check_distinct
from tfopt.targets.config import StoreConfig

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help=".tflite files, whoever wrote them.")]


@command
def pack(out: Output, files: Files, config: PackConfig, stored: StoreConfig, target: TargetConfig) -> None:
    """Leave out of LiteRT files what no runtime reads; written when seen to answer bit by bit alike.

    Examples:
        tfopt pack model-int8.tflite
        tfopt pack firmware.tflite -o packed.tflite --max-size 60kB
        tfopt pack one.tflite two.tflite --keep-names --json
        tfopt pack model-clustered-int8.tflite --target tflm
    """
    paths = [check_tflite_path(path) for path in files]
    if target.output and len(paths) > 1:
        raise InputError(f"`output` {target.output} is for one file, and there are {len(paths)}: leave it out")
    ending = stored.target or "packed"
    places = [
        Destination(target.output or f"{path.stem}-{ending}.tflite", suffix=".tflite", force=target.force, inputs=paths)
        for path in paths
    ]
    check_distinct([place.path for place in places], paths)
    from tfopt.conversion.packed_file import pack
    from tfopt.report.packing import PackingReport, render_packing
    from tfopt.report.schema import package_versions

    with ExitStack() as stack:
        for place in places:
            stack.enter_context(place.held())
        if stored.target:
            out.load_tensorflow()
            from tfopt.targets.store import store

            made = [store(path, stored.target, config, out) for path in paths]
        else:
            packed = [pack(path, config, progress=out) for path in paths]
            pairs = zip(packed, places, strict=True)
            made = [(one.artifact.payload_in(place.path.parent), one.report) for one, place in pairs]
        told = [place.save(payload, report) for place, (payload, report) in zip(places, made, strict=True)]
    report = PackingReport(files=told, notes=[one.note for one in told], versions=package_versions())
    out.show_made(report, render_packing, [place.path for place in places], passed=report.passed)
