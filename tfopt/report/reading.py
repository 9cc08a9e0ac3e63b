"""A report that was written to disk, read again."""

from pathlib import Path

from pydantic import ValidationError

from tfopt.errors import InputError
from tfopt.report.schema import Report


def read_report(path: Path) -> Report:
    """Return the report in a file.

    Raises:
        InputError: There is no such file, or it holds no report.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the report {path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{path} is no report of tfopt: {f'{place}: ' if place else ''}{first['msg']}") from error
