"""Another file of a front becomes the chosen one, without anything being made anew."""

from pathlib import Path

from tfopt.core.run_folder import RunFolder
from tfopt.errors import InputError
from tfopt.report.front import FrontPoint
from tfopt.report.schema import Report

FRONT = "front.json"


def pick(number: int, where: Path) -> tuple[Path, FrontPoint]:
    """Make another file of a front the chosen one; return where it was written, and what it is.

    Raises:
        InputError: If there is no front, or no such file in it.
    """
    path = where / FRONT
    try:
        report = Report.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{where} holds no front: `tfopt optimize` makes one") from error
    point = next((one for one in report.front if one.number == number), None)
    if point is None:
        raise InputError(f"`pick` {number}: the front in {where} has the numbers 1 to {len(report.front)}")
    folder, output = RunFolder.of_earlier_run(where), where / Path(report.output or "").name
    front = [one.model_copy(update={"chosen": one.number == number}) for one in report.front]
    changed = report.model_copy(update={"front": front})
    with folder.held():
        folder.write({output: (where / point.file).read_bytes(), path: report_json(changed)})
    return output, point


def report_json(report: Report) -> bytes:
    """Return a report as its file holds it."""
    return (report.model_dump_json(indent=2) + "\n").encode()
