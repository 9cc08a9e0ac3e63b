"""Paths of models are checked before TensorFlow is loaded."""

import contextlib
import json
import struct
import zipfile
import zlib
from difflib import get_close_matches
from pathlib import Path

from tfopt.errors import InputError
from tfopt.untrusted.archives import read_member

UNREADABLE = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)
SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
PROVENANCE_MEMBER = "tfopt.json"  # written into the .keras zip, see provenance.py
MAX_METADATA_BYTES = 1_000_000
HINT = "train one with `tfopt train`, or try a file of sample_models/"


def check_model_path(path: str | Path) -> Path:
    """Return the path of a model file that is there and has a suffix tfopt reads.

    Raises:
        InputError: There is no file, or it is no model; the message says what would be right.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return path
        raise InputError(f"{path} is a directory, not a model file or a SavedModel")
    if not path.exists():
        raise InputError(f"{path} does not exist{_near(path)}")
    if not path.is_file():
        raise InputError(f"{path} is no file but a device, a pipe or the like")
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} is neither a .keras, .h5 or .tflite file nor a SavedModel")
    return path


def _near(path: Path) -> str:
    """Return which model of the same folder may be meant, or how to get one."""
    with contextlib.suppress(OSError):
        beside = [one.name for one in path.parent.iterdir() if one.suffix in SUFFIXES]
        if alike := get_close_matches(path.name, beside, 1, cutoff=0.8):
            return f": did you mean {path.with_name(alike[0])}?"
    return f": {HINT}"


def is_legacy(path: Path) -> bool:
    """Tell whether `path` is a model of Keras 2, or a file that Keras 3 does not open under its name."""
    if path.is_dir():
        return True
    with path.open("rb") as file:
        if file.read(len(HDF5_MAGIC)) == HDF5_MAGIC:
            return True
    with contextlib.suppress(*UNREADABLE, KeyError, ValueError, TypeError), zipfile.ZipFile(path) as archive:
        if archive.getinfo("metadata.json").file_size > MAX_METADATA_BYTES:
            return False
        return str(json.loads(read_member(archive, "metadata.json"))["keras_version"]).startswith("2")
    return False


def newest_tfopt_model(folder: Path) -> Path:
    """Return the newest `.keras` file in `folder` that tfopt wrote.

    Raises:
        InputError: There is none; the message says how to get one.
    """
    ours = [path for path in folder.glob("*.keras") if path.is_file() and _written_by_tfopt(path)]
    if not ours:
        raise InputError(f"there is no Keras model that tfopt wrote in this folder: {HINT}")
    return max(ours, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _written_by_tfopt(path: Path) -> bool:
    with contextlib.suppress(*UNREADABLE), zipfile.ZipFile(path) as archive:
        return PROVENANCE_MEMBER in archive.namelist()
    return False
