"""What is typed for a field, read as what the field may hold."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from tfopt.config.fields import Config
from tfopt.errors import InputError

SECONDS = {"s": 1, "m": 60, "h": 3600}


def read_value(name: str, value: Any, kinds: Sequence[Any], unit: str) -> Any:
    """Return the value of a field from what was typed; pydantic does the rest.

    Args:
        name: The field.
        value: What Typer has read.
        kinds: The types that the field may have.
        unit: How it is written (see `tfopt.config.fields.Option`).

    Raises:
        InputError: If it cannot be read.
    """
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if not isinstance(value, str) or value in words:
        return value
    if unit == "share":
        return _share(name, value)
    if unit == "time":
        return _seconds(name, value)
    if unit == "model":
        from tfopt.formats.paths import check_model_path

        described = any(isinstance(kind, type) and issubclass(kind, Config) for kind in kinds)
        return value if described and not (Path(value).suffix or Path(value).exists()) else check_model_path(value)
    if get_origin(kinds[0]) in (tuple, list):
        return _list(name, value, get_args(get_args(kinds[0])[0]))
    if int in kinds and value.isdecimal():
        return int(value)
    return Path(value) if Path in kinds else value


def _share(name: str, text: str) -> float:
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise InputError(f"`{name}` {text} is not a share; write it like 0.005 or 0.5%") from None
    return number / 100 if text.endswith("%") else number


def _seconds(name: str, text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not match:
        raise InputError(f"`{name}` {text} is not a time; write it like 90s, 10m or 1h")
    return float(match[1]) * SECONDS[match[2]]


def _list(name: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    unknown = [one for one in names if known and one not in known]
    if unknown:
        raise InputError(f"`{name}` {','.join(unknown)} is not known; there are {', '.join(known)}")
    return names
