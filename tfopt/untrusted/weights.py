"""Weights in HDF5: data of the file itself, no links to other files, and not more of it than the file can hold."""

import h5py

from tfopt.errors import InputError
from tfopt.untrusted.limits import check_expansion

LINKS = (h5py.SoftLink, h5py.ExternalLink)


def check_weights(file: h5py.File, name: str, size: int) -> None:
    """Raise `InputError` for links, for data that lie elsewhere, and for shapes that swell; `size` is in bytes."""
    declared = 0

    def visit(path: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal declared
        if isinstance(item, h5py.Group):
            for key in item:
                if isinstance(item.get(key, getlink=True), LINKS):
                    raise InputError(f"{name} holds a link at {path}/{key}, which may lead to another file: refused")
        elif item.external or item.is_virtual:
            raise InputError(f"{name} takes the values of {path} from another file: refused")
        else:
            declared += item.nbytes

    visit("", file)
    file.visititems(visit)
    check_expansion(declared, size, f"the weights of {name}")
