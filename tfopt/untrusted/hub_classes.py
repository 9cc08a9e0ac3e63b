"""Classes of KerasHub that a file names: only those that the installed package has registered, of classifiers.

Importing KerasHub takes seconds and needs the extra `hub`, so that is done for files only that name one of its classes.
"""

import importlib
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tfopt.errors import InputError, UnsupportedError
from tfopt.typing import Json

PACKAGE = "keras_hub"
WRITERS = ("CausalLM", "Seq2SeqLM", "AudioToText")  # tasks that write texts, by the ends of their names
FILES = ("vocabulary", "merges", "proto")  # what a tokenizer would read from the path that stands there


def import_hub(name: str) -> Any:
    """Import KerasHub for the model `name`; raise `InputError` if the extra is not installed.

    A folder of that name, which may have come with the model, is not taken for the package.
    """
    try:
        installed = Path(str(distribution("keras-hub").locate_file(PACKAGE))) / "__init__.py"
        found = find_spec(PACKAGE)
        if found is None or found.origin is None or not installed.samefile(found.origin):
            raise ModuleNotFoundError(PACKAGE)
        return importlib.import_module(PACKAGE)
    except (ImportError, OSError) as error:
        raise InputError(f"{name} was made with KerasHub, which is not installed: pip install 'tfopt[hub]'") from error


def check_hub_class(found: Json, name: str) -> None:
    """Check a dict of a configuration that may name a class of KerasHub.

    Args:
        found: The dict.
        name: The name of the file in messages.

    Raises:
        InputError: KerasHub is not installed, has not registered what is named, or would read a file for it.
        UnsupportedError: It is a task that is no image or text classifier.
    """
    module, kind, registered = (found.get(key) for key in ("module", "class_name", "registered_name"))
    called = [text for text in (module, kind, registered, found.get("config")) if isinstance(text, str)]
    if not any(text.split(".")[0].split(">")[0] == PACKAGE for text in called):
        return
    shown = str(found.get("config") if kind == "function" else kind)[:80]
    check_no_writer(shown, name)
    hub = import_hub(name)
    known = _registered(str(found.get("config") if kind == "function" else registered))
    if known is None or (kind != "function" and known.__name__ != kind):
        raise InputError(f"{name} uses {shown} of {str(module)[:80]}, which KerasHub has not registered: refused")
    if isinstance(known, type) and issubclass(known, hub.models.Task):
        check_task(hub, known, name)
    config = found.get("config")
    for key in FILES:
        if isinstance(config, dict) and isinstance(config.get(key), str):
            raise InputError(f"{name} takes {key} from the file {config[key][:80]!r}: refused")


def check_task(hub: Any, task: type, name: str) -> None:
    """Raise `UnsupportedError` for a class of task that is no classifier of images or texts."""
    check_no_writer(task.__name__, name)
    if not issubclass(task, hub.models.ImageClassifier | hub.models.TextClassifier):
        raise UnsupportedError(
            f"{name} is a {task.__name__}; of KerasHub's tasks tfopt takes image and text classifiers"
        )


def check_no_writer(kind: str, name: str) -> None:
    """Raise `UnsupportedError` for a class of task that writes texts, by its name: nothing has to be imported."""
    if kind.endswith(WRITERS):
        raise UnsupportedError(
            f"{name} is a {kind}, a language model, which tfopt does not run: convert and run it with LiteRT-LM"
        )


def _registered(name: str) -> Any:
    """Return what is registered with Keras under a name, if it is KerasHub's own."""
    import keras

    found = keras.saving.get_registered_object(name)
    return found if str(getattr(found, "__module__", "")).split(".")[0] == PACKAGE else None
