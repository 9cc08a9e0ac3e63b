"""The techniques by name: those of tfopt, and those that other packages add by an entry point.

    [project.entry-points."tfopt.techniques"]
    noise = "my_package.noise:Noise"

The object that an entry point names is a subclass of `tfopt.core.technique.Technique`. Only names are read until one is
asked for, so that the list of commands is there at once.
"""

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING

from tfopt.config.fields import Config
from tfopt.core.technique import AnyTechnique, Technique
from tfopt.errors import InputError
from tfopt.runtime.entry_points import entry_points_of, load_entry_point

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "tfopt.techniques"
OWN = {
    "prune": "tfopt.techniques.pruning.technique:Prune",
    "structured": "tfopt.techniques.structured.technique:Structured",
    "cluster": "tfopt.techniques.clustering.technique:Cluster",
    "distill": "tfopt.techniques.distillation.technique:Distill",
    "binarize": "tfopt.techniques.binarization.technique:Binarize",
    "quantize": "tfopt.techniques.quantization.technique:Quantize",
    "qat": "tfopt.techniques.qat.technique:QuantizeAware",
    "convert": "tfopt.techniques.convert.technique:Convert",
    "to-keras": "tfopt.techniques.convert.technique:ToKeras",
    "to-onnx": "tfopt.techniques.convert.technique:ToOnnx",
}


def names() -> list[str]:
    """Return the names of all techniques, those of other packages last."""
    return [*OWN, *(name for name in third_party() if name not in OWN)]


@cache
def third_party() -> "dict[str, EntryPoint]":
    """Return the entry points of other packages by name; nothing of them is imported."""
    return entry_points_of(GROUP)


@cache
def technique(name: str) -> AnyTechnique:
    """Return a technique by its name.

    Raises:
        InputError: If there is none of that name, or the package that has it cannot be imported.
    """
    if name in OWN:
        module, _, kind = OWN[name].partition(":")
        own: AnyTechnique = getattr(import_module(module), kind)()
        return own
    if name not in third_party():
        alike = get_close_matches(name, names(), 1)
        meant = f": did you mean {alike[0]}?" if alike else f"; there are {', '.join(names())}"
        raise InputError(f"there is no technique {name}{meant}")
    found = load_entry_point(third_party()[name], Technique, "technique")
    assert isinstance(found, Technique)
    return found


def summary_of(one: AnyTechnique) -> str:
    """Return what a technique does, in a sentence."""
    return (getdoc(type(one)) or "").partition("\n")[0]


def version_of(name: str) -> str:
    """Return the version of the package that adds a technique; nothing for one of tfopt."""
    point = None if name in OWN else third_party().get(name)
    return point.dist.version if point and point.dist else ""


def technique_of(config: Config) -> AnyTechnique:
    """Return the technique that a config belongs to.

    Raises:
        InputError: If it is the config of none.
    """
    for name in names():
        found = technique(name)
        if type(config) is found.config:
            return found
    raise InputError(f"{type(config).__name__} is the config of no technique")
