"""Custom layers come from a user's own code, which is imported only when asked: `--custom-objects module:function`.

The function returns a dict of names and classes, as Keras takes for `custom_objects`. Whoever names a module runs its
code; a model file alone never runs any.
"""

import importlib
import sys
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import InputError, UnsupportedError

if TYPE_CHECKING:
    import keras

_hashes: dict[str, set[str]] = {}
_named: set[str] = set()  # what sources have registered
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
    _named.update(objects)
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


def modules_of(model: "keras.Model", name: str) -> tuple[tuple[str, str], ...]:
    """Return the modules whose import registers the custom layers and functions of a model with Keras.

    Args:
        model: A model that was made or loaded in this process.
        name: What messages call it.

    Returns:
        The name of each module and the folder that it is found from, for a child process to import.

    Raises:
        UnsupportedError: One is registered by the script that runs, which a child process must not run again.
    """
    found: dict[str, str] = {}
    for registered, module in _registered(model.get_config() if _has_config(model) else {}):
        file = getattr(sys.modules.get(module), "__file__", None)
        if module == "__main__" or file is None:
            raise UnsupportedError(
                f"{name} uses {registered}, which is registered in the script itself and not known to the process that"
                " converts: put it into a module of its own and import that, or name it by `custom_objects`"
            )
        path = Path(file)
        levels = module.count(".") + (1 if path.name == "__init__.py" else 0)
        found[module] = str(path.absolute().parents[levels])
    return tuple(found.items())


def import_from(module: str, place: str) -> None:
    """Import a module that lies in the folder `place`, as the parent of this process has done."""
    sys.path.append(place)
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:  # anything can happen in a user's code
        raise InputError(f"the module {module} cannot be imported again: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(place)


def _registered(config: object) -> Iterator[tuple[str, str]]:
    """Yield the names in a configuration that are registered with Keras and no source gives, and their modules."""
    import keras

    if isinstance(config, dict):
        name = config.get("registered_name")
        known = keras.saving.get_registered_object(name) if isinstance(name, str) else None
        module = str(getattr(known, "__module__", "keras"))
        if isinstance(name, str) and name not in _named and module.split(".")[0] not in ("keras", "tfopt"):
            yield name, module
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, (list, tuple)) else ():
        yield from _registered(value)


def _has_config(model: "keras.Model") -> bool:
    """Tell whether a model can describe itself; one that cannot was not saved, either."""
    try:
        model.get_config()
    except NotImplementedError:
        return False
    return True
