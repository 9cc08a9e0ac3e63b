"""The classes and functions that a file of Keras 2 may name, by their public names.

tf_keras would find any name in any of its modules, and the cells that hold bytecode like a Lambda (`ResidualWrapper`).
Whatever is not listed here stays out.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import tf_keras

from tfopt.formats.legacy.operations import OPERATION_TWINS
from tfopt.untrusted.configs import CODE, Known, check_config, read_config

CLASSES = (
    "constraints", "initializers", "layers", "losses", "metrics", "models", "optimizers", "regularizers",
    "optimizers.schedules", "mixed_precision", "dtype_policies",
)  # fmt: skip
FUNCTIONS = ("activations", "losses", "metrics")
LOADERS = {"deserialize", "get", "serialize"}
UNEXPORTED = {"Functional", "BatchNormalizationV1", "BatchNormalizationV2", "CuDNNGRU", "CuDNNLSTM"}


def read_checked_config(text: bytes | str, path: Path, kerases: ModuleType = tf_keras) -> Any:
    """Read the configuration of a model, once nothing in it would run.

    Args:
        text: The configuration as JSON.
        path: Its file, for messages.
        kerases: The Keras that will make layers of it.

    Raises:
        InputError: It is no JSON, or names a class or function that is not known.
        UnsupportedError: It has code, as a Lambda layer does.
    """
    config = read_config(text, str(path))
    check_known_classes(config, path, kerases)
    return config


def check_known_classes(config: Any, path: Path, kerases: ModuleType) -> None:
    """Raise `InputError` or `UnsupportedError` if something in a configuration would run."""
    check_config(config, str(path), _known_names(kerases))


@cache
def _known_names(kerases: ModuleType) -> Known:
    classes = _names(kerases, CLASSES, inspect.isclass) | UNEXPORTED
    return Known(classes - CODE, _names(kerases, FUNCTIONS, inspect.isfunction) - LOADERS, OPERATION_TWINS)


def _names(kerases: ModuleType, places: Sequence[str], fits: Callable[[object], bool]) -> set[str]:
    found: set[str] = set()
    for place in places:
        inside: Any = kerases
        for part in place.split("."):
            inside = getattr(inside, part, None)
        found |= {name for name, value in vars(inside).items() if fits(value)} if inside else set()
    return found
