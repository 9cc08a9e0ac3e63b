"""Paths of models are checked before TensorFlow is loaded."""

import contextlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
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
SUFFIXES = (".keras", ".h5", ".hdf5", ".tflite", ".onnx")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
PROVENANCE_MEMBER = "tfopt.json"  # written into the .keras zip, see provenance.py
PREFIX = "keras-hub:"  # before the folder of a preset
PRESET_TASK = "task.json"
REMOTE = re.compile(r"\w+:/")  # handles as kaggle://, of which a path keeps one slash
MAX_METADATA_BYTES = 1_000_000
HINT = "train one with `tfopt train`, or try a file of sample_models/"


def check_model_path(path: str | Path) -> Path:
    """Return the path of a model file that is there and has a suffix tfopt reads.

    Raises:
        InputError: There is no file, or it is no model; the message says what would be right.
    """
    path = Path(path)
    if is_preset(path):
        preset_folder(path)
        return path
    if path.is_dir() and (path / PRESET_TASK).exists():
        raise InputError(f"{path} is a preset of KerasHub: name it as {PREFIX}{path}")
    if path.is_dir():
        if (path / "saved_model.pb").exists():
            return path
        raise InputError(f"{path} is a directory, not a model file or a SavedModel")
    if not path.exists():
        raise InputError(f"{path} does not exist{_near(path)}")
    if not path.is_file():
        raise InputError(f"{path} is no file but a device, a pipe or the like")
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} is neither a .keras, .h5, .tflite or .onnx file nor a SavedModel")
    return path


def check_tflite_path(path: str | Path) -> Path:
    """Return the path of a `.tflite` file that is there; raise `InputError` if it is another one."""
    path = check_model_path(path)
    if path.suffix != ".tflite":
        raise InputError(f"{path} is no .tflite file; `tfopt convert` makes one of a Keras model")
    return path


def is_preset(path: Path) -> bool:
    """Tell whether a path is the folder of a KerasHub preset behind its prefix."""
    return str(path).startswith(PREFIX)


def preset_folder(path: Path) -> Path:
    """Return the folder of a preset; raise `InputError` if it is none, or something to be downloaded."""
    named = str(path).removeprefix(PREFIX)
    if REMOTE.match(named):
        raise InputError(f"{path} would be downloaded, which tfopt never does; give the folder of a preset")
    if not named or not Path(named).is_dir():
        raise InputError(f"{path}: there is no folder {named!r}; a preset is a folder, nothing is downloaded")
    return Path(named)


def location(path: Path) -> Path:
    """Return where a model lies: a preset without its prefix."""
    return Path(str(path).removeprefix(PREFIX))


def relocated(path: Path, change: Callable[[Path], Path]) -> Path:
    """Change where a model lies; the prefix of a preset stays.

    >>> str(relocated(Path("keras-hub:bert"), lambda path: "models" / path))
    'keras-hub:models/bert'
    """
    return Path(f"{PREFIX}{change(location(path))}") if is_preset(path) else change(path)


def model_stem(path: Path) -> str:
    """Return what files are called that are made from a model.

    >>> model_stem(Path("models/cnn.keras")), model_stem(Path("keras-hub:bert_tiny.en"))
    ('cnn', 'bert_tiny.en')
    """
    return location(path).resolve().name if is_preset(path) else path.stem


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
