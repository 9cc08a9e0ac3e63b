"""Why a config was refused, in one sentence that names the field in backticks."""

import re
from difflib import get_close_matches
from textwrap import shorten

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tfopt.errors import ConfigError

LONGEST = 100  # letters of a value that are repeated


def refusal(kind: type[BaseModel], error: ValidationError) -> ConfigError:
    """Make of the first complaint of pydantic about a config of this `kind` a sentence."""
    first = error.errors(include_url=False)[0]
    complaint = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and not first["loc"]:
        named = re.search(r"`(\w+)`", complaint)
        return ConfigError(complaint, named and named[1], (named[1],) if named else ())
    complaint = f"{complaint[:1].lower()}{complaint[1:]}"
    if not first["loc"]:
        return ConfigError(f"a {kind.__name__} cannot be made of this: {complaint}")
    name = str(first["loc"][0])
    return ConfigError(_sentence(kind, name, first), name, first["loc"])


def _sentence(kind: type[BaseModel], name: str, complaint: ErrorDetails) -> str:
    given = complaint["input"]
    match complaint["type"]:
        case "extra_forbidden":
            return f"{kind.__name__} has no `{name}`{_instead(kind, name)}"
        case "missing":
            return f"{kind.__name__} needs `{name}`"
        case "value_error":
            return f"`{name}` {complaint['msg'].removeprefix('Value error, ')}"
        case "too_short" if not given:
            whose = kind.__name__ if kind.__name__.endswith("Config") else kind.__name__.lower()
            return f"`{name}` is empty: a {whose} has at least one"
        case "literal_error" if isinstance(given, str):
            known = ", ".join(re.findall(r"'([^']*)'", complaint["ctx"]["expected"]))
            return f"`{name}` {given} is not known; there are {known}"
    reason = f"{complaint['msg'][:1].lower()}{complaint['msg'][1:]}"
    wrong = "is of the wrong type" if complaint["type"].endswith("_type") else "is out of range"
    return f"`{name}` {shorten(str(given), LONGEST, placeholder=' ...')} {wrong}: {reason}"


def _instead(kind: type[BaseModel], name: str) -> str:
    """Name the configs that have a field of this name, or the field of `kind` that is spelled like it."""
    import tfopt

    kinds = (getattr(tfopt, public) for public in dir(tfopt) if public.endswith("Config"))
    having = [other.__name__ for other in kinds if name in other.model_fields]
    if having:
        return f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it"
    alike = get_close_matches(name, kind.model_fields, 1)
    return f": did you mean `{alike[0]}`?" if alike else f": it has {', '.join(kind.model_fields) or 'no fields'}"
