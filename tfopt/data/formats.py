"""The formats of data by name: those of tfopt, and those that other packages add by an entry point.

    [project.entry-points."tfopt.data_formats"]
    sounds = "my_package.sounds:Sounds"

The object that an entry point names is a subclass of `tfopt.DataFormat`. Other packages are imported only if none of
tfopt's own formats that ask for more than a folder suits a path.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.data.data_format import DataFormat
from tfopt.errors import InputError
from tfopt.runtime.entry_points import entry_points_of, load_entry_point

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "tfopt.data_formats"
OWN = {
    "table": "tfopt.data.table_format:TableFormat",
    "npz": "tfopt.data.npz:NpzFormat",
    "tfrecord": "tfopt.data.tfrecords:TfRecordFormat",
    "masks": "tfopt.data.mask_folders:MaskFolderFormat",
    "arrow": "tfopt.data.arrow_folders:ArrowFolderFormat",
    "audio": "tfopt.data.audio_folders:AudioFolderFormat",
}
LAST = {"images": "tfopt.data.image_folders:ImageFolderFormat"}  # takes any folder that is nothing else


@cache
def third_party() -> "dict[str, EntryPoint]":
    """Return the entry points of other packages by name; nothing of them is imported."""
    return {name: point for name, point in entry_points_of(GROUP).items() if name not in OWN | LAST}


@cache
def data_format(name: str) -> DataFormat:
    """Return a format by its name.

    Raises:
        InputError: If the package that has it cannot be imported.
    """
    if name in OWN | LAST:
        module, _, kind = (OWN | LAST)[name].partition(":")
        own: DataFormat = getattr(import_module(module), kind)()
        return own
    found = load_entry_point(third_party()[name], DataFormat, "data format")
    assert isinstance(found, DataFormat)
    return found


def find_format(path: Path) -> DataFormat | None:
    """Return the first format that suits `path`, or None; a package that cannot be loaded is passed over."""
    return next((one for one in _loaded([]) if one.suits(path)), None)


def explain_unreadable(path: Path) -> str:
    """Say what could be read in place of `path`, and which packages cannot be loaded."""
    faults: list[str] = []
    *titles, last = (one.title for one in _loaded(faults))
    return "; ".join([f"{path} is no data that can be read; use {', '.join(titles)} or {last}", *faults])


def _loaded(faults: list[str]) -> Iterator[DataFormat]:
    """Yield the formats in the order in which they are asked; sentences about others go into `faults`."""
    for name in (*OWN, *third_party(), *LAST):
        try:
            yield data_format(name)
        except InputError as error:
            faults.append(str(error))
