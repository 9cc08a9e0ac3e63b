"""Custom layers come from a user's own code, which is imported only when asked: `--custom-objects module:function`.

The function returns a dict of names and classes, as Keras takes for `custom_objects`. Whoever names a module runs its
code; a model file alone never runs any.
"""

import importlib
import sys
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from tfopt.errors import InputError

_hashes: dict[str, set[str]] = {}
_sources: list[str] = []  # what was registered: a converting process has to register it as well


def register_custom_objects(source: str) -> None:
    """Import a function of a user's code, and let Keras know the classes that it returns.

    They stay registered in this process, and child processes of tfopt register them as well.

    Args:
        source: The function, as `module:function`; modules of the current folder are found, too.

    Raises:
        InputError: It cannot be imported, fails, or does not return a dict.
    """
    import keras

    module, _, function = source.partition(":")
    if not module or not function:
        raise InputError(f"`custom_objects` {source} must be module:function, as in my_layers:custom_objects")
    sys.path.insert(0, str(Path.cwd()))
    try:
        objects = getattr(importlib.import_module(module), function)()
    except (Exception, SystemExit) as error:  # anything can happen in a user's code
        line = " ".join(str(error).split())[:200]
        raise InputError(f"`custom_objects` {source} failed: {type(error).__name__}: {line}") from error
    finally:
        sys.path.pop(0)
    if not isinstance(objects, dict):
        raise InputError(f"`custom_objects` {source} returned a {type(objects).__name__}, not a dict")
    keras.saving.get_custom_objects().update(objects)
    _sources.append(source)
    _hashes[source] = _file_hashes(module, objects.values())


def source_hashes() -> dict[str, str]:
    """Return a hash of the code behind each registered source: of its module, and of those that define its classes."""
    return {source: sha256("".join(sorted(_hashes[source])).encode()).hexdigest() for source in registered_sources()}


def _file_hashes(module: str, objects: Iterable[object]) -> set[str]:
    names = {module, *(str(getattr(one, "__module__", module)) for one in objects)}
    files = (getattr(sys.modules.get(name), "__file__", None) for name in names)
    return {sha256(Path(file).read_bytes()).hexdigest() for file in files if file and Path(file).is_file()}


def registered_sources() -> tuple[str, ...]:
    """Return what `register_custom_objects` was called with so far, in order."""
    return tuple(dict.fromkeys(_sources))
