"""Entry points of other packages: each is loaded when it is asked for, and its faults are one sentence."""

from typing import TYPE_CHECKING

from tfopt.errors import InputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def entry_points_of(group: str) -> "dict[str, EntryPoint]":
    """Return the entry points of a group by name; nothing of them is imported."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load_entry_point(point: "EntryPoint", kind: type[object], what: str) -> object:
    """Import and make what an entry point names.

    Args:
        point: The entry point of a class, which is made without arguments.
        kind: What it must be an instance of, with the `name` of the entry point.
        what: What messages call it, such as "technique".

    Raises:
        InputError: If the package cannot be imported, or it is of another kind or name.
    """
    called = f"the {what} {point.name} ({point.value})"
    try:
        found = point.load()()
    except Exception as error:  # whatever the code of somebody else stumbles over
        line = " ".join(str(error).split())[:200]
        raise InputError(f"{called} cannot be loaded: {type(error).__name__}: {line}") from error
    if not isinstance(found, kind) or getattr(found, "name", None) != point.name:
        raise InputError(f"{called} is no {kind.__name__} of that name")
    return found
