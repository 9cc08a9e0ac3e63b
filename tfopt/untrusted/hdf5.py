"""Weights in HDF5: numbers of the file itself, no links to other files, and not more of them than the file can hold."""

import math

import h5py

from tfopt.errors import InputError
from tfopt.untrusted.limits import check_expansion

LINKS = (h5py.SoftLink, h5py.ExternalLink)
MOST_DEPTH = 100  # of groups in groups


def check_weights(file: h5py.File, name: str, size: int) -> None:
    """Check the groups and data sets of a file before any is read.

    Args:
        file: The open file.
        name: Its name in messages.
        size: Its size in bytes.

    Raises:
        InputError: For links, for data that lie elsewhere, and for shapes that swell.
    """
    declared = 0

    def visit(path: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal declared
        if path.count("/") > MOST_DEPTH:
            raise InputError(f"{name} holds more than {MOST_DEPTH} groups of weights in each other: refused")
        if isinstance(item, h5py.Group):
            for key in item:
                if isinstance(item.get(key, getlink=True), LINKS):
                    raise InputError(f"{name} holds a link at {path}/{key}, which may lead to another file: refused")
        elif not isinstance(item, h5py.Dataset):
            raise InputError(f"{name} holds {path}, which is neither weights nor a group of them: refused")
        elif item.external or item.is_virtual:
            raise InputError(f"{name} takes the values of {path} from another file: refused")
        elif item.dtype.hasobject:
            raise InputError(f"{name} holds {path}, values without a fixed size, which weights are not: refused")
        else:
            declared += max(item.nbytes, math.prod(item.chunks or ()) * item.dtype.itemsize)  # a chunk is read at once

    visit("", file)
    file.visititems(visit)
    check_expansion(declared, size, f"the weights of {name}")
