"""Why a config was refused, in one sentence that names the field in backticks."""

import re
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

from tfopt.errors import ConfigError


def refusal(kind: type[BaseModel], error: ValidationError) -> ConfigError:
    """Make of the first complaint of pydantic about a config of this `kind` a sentence."""
    first = error.errors(include_url=False)[0]
    complaint = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error" and not first["loc"]:
        named = re.search(r"`(\w+)`", complaint)
        return ConfigError(complaint, named and named[1])
    complaint = f"{complaint[:1].lower()}{complaint[1:]}"
    if not first["loc"]:
        return ConfigError(f"a {kind.__name__} cannot be made of this: {complaint}")
    name = str(first["loc"][0])
    match first["type"]:
        case "extra_forbidden":
            return ConfigError(f"{kind.__name__} has no `{name}`{_instead(kind, name)}", name)
        case "missing":
            return ConfigError(f"{kind.__name__} needs `{name}`", name)
        case "value_error":
            return ConfigError(f"`{name}` {first['msg'].removeprefix('Value error, ')}", name)
        case "literal_error" if isinstance(first["input"], str):
            known = ", ".join(re.findall(r"'([^']*)'", first["ctx"]["expected"]))
            return ConfigError(f"`{name}` {first['input']} is not known; there are {known}", name)
    return ConfigError(f"`{name}` {first['input']} is out of range: {complaint}", name)


def _instead(kind: type[BaseModel], name: str) -> str:
    """Name the configs that have a field of this name, or the field of `kind` that is spelled like it."""
    import tfopt

    kinds = (getattr(tfopt, public) for public in dir(tfopt) if public.endswith("Config"))
    having = [other.__name__ for other in kinds if name in other.model_fields]
    if having:
        return f"; {', '.join(having)} {'has' if len(having) == 1 else 'have'} it"
    alike = get_close_matches(name, kind.model_fields, 1)
    return f": did you mean `{alike[0]}`?" if alike else f": it has {', '.join(kind.model_fields) or 'no fields'}"
