"""The targets by name: those of tfopt, of other packages (entry points "tfopt.targets"), and files of one's own."""

from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import InputError
from tfopt.runtime.entry_points import entry_points_of, load_entry_point
from tfopt.targets.target import Target

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "tfopt.targets"
ETHOS_U = tuple(
    f"ethos-u{kind}-{macs}"
    for kind, sizes in (("55", (32, 64, 128, 256)), ("65", (256, 512)), ("85", (128, 256, 512, 1024, 2048)))
    for macs in sizes
)
OWN = {"litert": "tfopt.targets.litert:LiteRT", "tflm": "tfopt.targets.tflm:TFLM"}
OWN |= dict.fromkeys(ETHOS_U, "tfopt.targets.ethos_u:EthosU")
FILES = {"edgetpu": Path(__file__).with_name("edgetpu.yaml")}
SUFFIXES = (".yaml", ".yml")


def names() -> list[str]:
    """Return the names of all targets, those of other packages last."""
    own = [*OWN, *FILES]
    return [*own, *(name for name in third_party() if name not in own)]


@cache
def third_party() -> "dict[str, EntryPoint]":
    """Return the entry points of other packages by name; nothing of them is imported."""
    return entry_points_of(GROUP)


def find_target(name: str) -> Target:
    """Return a target by its name, or one that a file describes.

    Raises:
        InputError: If there is none, or its file is not sound.
    """
    from tfopt.targets.target_file import read_target

    if name in FILES or name.endswith(SUFFIXES):
        return read_target(FILES.get(name, Path(name)))
    if name in OWN:
        module, _, kind = OWN[name].partition(":")
        own: Target = getattr(import_module(module), kind)(name)
        return own
    if name in third_party():
        found = load_entry_point(third_party()[name], Target, "target")
        assert isinstance(found, Target)
        return found
    alike = get_close_matches(name, names(), 1)
    known = ", ".join(one for one in names() if one not in ETHOS_U)
    there = f"there are {known}, {ETHOS_U[0]} to {ETHOS_U[-1]}, and files of your own (.yaml)"
    raise InputError(f"`target` {name} is not known{f': did you mean {alike[0]}?' if alike else f'; {there}'}")
