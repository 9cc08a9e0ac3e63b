"""A `.keras` file is a zip: its members are checked and unpacked before Keras reads them."""

import warnings
import zipfile
from pathlib import Path

import h5py
import keras

from tfopt.errors import InputError, TfoptError
from tfopt.formats import provenance as provenances
from tfopt.formats.keras.refusal import explain
from tfopt.formats.paths import UNREADABLE
from tfopt.formats.provenance import Provenance
from tfopt.runtime.temporary_files import check_free_space, temporary_folder
from tfopt.untrusted.archives import check_members, read_member
from tfopt.untrusted.configs import check_config, read_config
from tfopt.untrusted.hdf5 import check_weights

WEIGHTS = "model.weights.h5"
MEMBERS = ("metadata.json", "config.json", WEIGHTS)


def load_file(path: Path, name: str) -> tuple[keras.Model, str]:
    """Load a file that was checked before, as `load_unpacked` does."""
    with temporary_folder() as folder:
        with zipfile.ZipFile(path) as archive:
            unpack(archive, folder)
        return load_unpacked(folder, name)


def unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpack what Keras reads: from a zip it would read all weights at once, and unpack everything besides."""
    for member in archive.namelist():
        if member in MEMBERS or member.startswith("assets/"):
            archive.extract(member, folder)


def load_unpacked(folder: Path, name: str) -> tuple[keras.Model, str]:
    """Load a model, without its loss and optimizer if only these cannot be loaded; return it and why that was."""
    uncompiled = ""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            warnings.filterwarnings("ignore", message="`compile\\(\\)` was not called as part of model loading")
            model = keras.saving.load_model(folder, safe_mode=True)
    except TfoptError:
        raise
    except Exception as error:  # Keras raises TypeError, ValueError, KeyError, OSError, ... for unsound files
        uncompiled = explain(error, name)
        try:
            model = keras.saving.load_model(folder, safe_mode=True, compile=False)
        except Exception:
            raise InputError(uncompiled) from error
    if not isinstance(model, keras.Model):
        raise InputError(f"{name} holds a {type(model).__name__}, not a model")
    return model, uncompiled


def check_and_unpack(file: Path, path: Path, folder: Path) -> Provenance | None:
    """Unpack `file`, a copy of `path`, once it has passed the checks; return its provenance."""
    try:
        with zipfile.ZipFile(file) as archive:
            check_members(archive, str(path), file.stat().st_size)
            missing = [member for member in MEMBERS if member not in archive.namelist()]
            if missing:
                raise InputError(f"{path} is a zip without {', '.join(missing)}; a .keras file of Keras 3 has them")
            damaged = archive.testzip()
            if damaged:
                raise InputError(f"{path} is damaged: its member {damaged} does not match its checksum")
            check_config(read_config(read_member(archive, "config.json"), path.name), path.name)
            provenance = provenances.read_provenance(archive, path.name, Provenance)
            check_free_space(folder, sum(member.file_size for member in archive.infolist()))
            unpack(archive, folder)
        with h5py.File(folder / WEIGHTS) as weights:
            check_weights(weights, path.name, (folder / WEIGHTS).stat().st_size)
        return provenance
    except UNREADABLE as error:
        raise InputError(f"{path} is not a .keras file or is truncated: {error}") from error
