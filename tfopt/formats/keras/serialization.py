"""Serialization of a Keras model into a `.keras` file that has the same bytes for the same model.

Keras writes the date into such a file, and addresses in memory as the names of objects that layers share.
"""

import json
import math
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from tfopt.formats import provenance as provenances
from tfopt.formats.provenance import Provenance
from tfopt.runtime.temporary_files import check_free_space, temporary_folder
from tfopt.typing import Tensor

FRAMING = 2048  # bytes of HDF5 around an array, at most
SHARED = "shared_object_id"


def write_keras_file(
    model: keras.Model, path: Path, provenance: Provenance | None, folder: Path, *, deflated: bool = False
) -> None:
    """Write a model as a `.keras` file.

    Args:
        model: The model.
        path: The file, which is replaced if it exists.
        provenance: What the file says of the model's making; None for nothing.
        folder: Where the file is to lie, from which data are found again.
        deflated: Whether the zip is compressed.

    Raises:
        OutputError: There is no room for it.
    """
    with temporary_folder() as temporary:
        parts = temporary / "parts"
        check_free_space(temporary, 2 * estimate_weights_size(model.variables))  # the weights, and the zip
        model.save(parts, zipped=False)
        _rewrite(parts / "metadata.json", lambda found: {k: v for k, v in found.items() if k != "date_saved"})
        _rewrite(parts / "config.json", lambda found: renumber_shared_objects(found, {}))
        _zip(parts, path, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
        if provenance:
            provenances.attach_provenance(path, provenance, folder)


def estimate_weights_size(variables: Sequence[Tensor]) -> int:
    """Estimate the bytes of a file of weights."""
    values = sum(math.prod(variable.shape) * (8 if "64" in str(variable.dtype) else 4) for variable in variables)
    return int(values) + FRAMING * (len(variables) + 16)


def renumber_shared_objects(value: Any, known: dict[int, int]) -> Any:
    """Return the same configuration, its shared objects numbered 1, 2, ... in the order in which they come.

    Args:
        value: A part of the configuration.
        known: The numbers given so far, by the number that Keras gave; it is added to.

    Example:
        >>> renumber_shared_objects([{"shared_object_id": 94530}, {"shared_object_id": 94530}], {})
        [{'shared_object_id': 1}, {'shared_object_id': 1}]
    """
    if isinstance(value, dict):
        return {
            key: known.setdefault(inner, len(known) + 1)
            if key == SHARED and isinstance(inner, int)
            else renumber_shared_objects(inner, known)
            for key, inner in value.items()
        }
    return [renumber_shared_objects(inner, known) for inner in value] if isinstance(value, list) else value


def _rewrite(path: Path, change: Callable[[Any], Any]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))), encoding="utf-8")


def _zip(folder: Path, path: Path, compression: int) -> None:
    """Zip the files in `folder`, in order and without their dates."""
    with zipfile.ZipFile(path, "w", compresslevel=9) as archive:
        for part in sorted(part for part in folder.rglob("*") if part.is_file()):
            member = zipfile.ZipInfo(part.relative_to(folder).as_posix())
            member.file_size = part.stat().st_size
            member.compress_type = compression
            with part.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target)
