"""Custom layers of a user's own code, imported only when asked: `--custom-objects module:function`.

The function returns a dict of names and classes, as Keras takes for `custom_objects`. Whoever names a module runs its
code; a model file alone never runs any.
"""

import importlib
import os
import sys
from pathlib import Path

from tfopt.errors import InputError

VARIABLE = "TFOPT_CUSTOM_OBJECTS"  # how the converting process hears of it


def register_custom_objects(source: str) -> None:
    """Import `module:function`, from the current folder as well, and let Keras know what the function returns.

    Raises `InputError` if it cannot be imported or does not return a dict.
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
    os.environ[VARIABLE] = source


def register_from_environment() -> None:
    """Register what the process that started this one has registered."""
    if VARIABLE in os.environ:
        register_custom_objects(os.environ[VARIABLE])
