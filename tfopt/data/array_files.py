"""Arrays of `.npz` and `.npy` files: no pickles, no devices, and not more than the file can hold.

A pickle in such a file could run code, and a zip of a few kilobytes can unpack to gigabytes: both are refused before
anything is read.
"""

import zipfile
from collections.abc import Container, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tfopt.data.lazy_arrays import LazyArray
from tfopt.data.npz_members import store_member
from tfopt.errors import InputError, TfoptError
from tfopt.typing import Array
from tfopt.untrusted.archives import check_members

NPY = ".npy"
MOST_EXPANSION = 200  # times its size that a file may have when unzipped: one-hot columns shrink a lot


def read_npz(
    path: Path, wanted: Container[str] | None = None, lazy: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Array]:
    """Read the arrays of an `.npz` file.

    Args:
        path: The file.
        wanted: Names of the arrays to read; None reads all.
        lazy: Names of arrays that are not held if they are large and have at least so many axes; what is behind a
            point in a name does not count.

    Returns:
        The arrays by their names; those that are not held are lazy.

    Raises:
        InputError: If it is no such file, is damaged, holds pickled objects, or would swell when unzipped.
    """
    check_file(path)
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is no .npz file or is damaged: it is not a zip archive")
    try:
        with zipfile.ZipFile(path) as members:
            check_members(members, str(path), path.stat().st_size, most=MOST_EXPANSION)
            stored: dict[str, Array | None] = {}
            for key in {name.removesuffix(NPY) for name in members.namelist() if name.endswith(NPY)}:
                if axes := lazy.get(key.partition(".")[0]):
                    stored[key] = store_member(members, key + NPY, path, axes)
        with np.load(path, allow_pickle=False) as archive:
            keys = [key for key in archive.files if wanted is None or key in wanted]
            found: dict[str, Array] = {key: archive[key] if (x := stored.get(key)) is None else x for key in keys}
        for key, array in found.items():
            if not isinstance(array, np.ndarray | LazyArray):
                raise InputError(f"{path} is no .npz file or is damaged: its member {key} is no array")
        return found
    except TfoptError:
        raise
    except Exception as error:  # numpy raises whatever a damaged file makes it stumble over
        raise _explain(path, error) from error


def read_npy(path: Path) -> Array:
    """Read the array of an `.npy` file; raise `InputError` if it is none, is damaged or holds pickled objects."""
    check_file(path)
    try:
        found = np.array(np.load(path, mmap_mode="r", allow_pickle=False))  # mapped: it cannot be more than the file
        if not found.ndim:
            raise InputError(f"{path} holds a single number, not samples")
        return found
    except TfoptError:
        raise
    except Exception as error:  # as above
        raise _explain(path, error) from error


def check_file(path: Path) -> None:
    """Raise `InputError` unless `path` is a regular file: a pipe or a device may have no end."""
    if not path.exists():
        raise InputError(f"{path} does not exist")
    if not path.is_file():
        raise InputError(f"{path} is no file but a folder, a device or the like")


def _explain(path: Path, error: Exception) -> InputError:
    if "allow_pickle" in str(error) or "Python objects" in str(error):
        return InputError(f"{path} holds pickled objects, which could run code; save plain arrays")
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return InputError(f"{path} is no {path.suffix} file or is damaged: {reason}")
