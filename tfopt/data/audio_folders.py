"""Folders of WAV files, one for each class: waveforms, of which spectrograms are made once their splits are known."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfopt.data.class_folders import BESIDE, list_class_files, list_folders
from tfopt.data.config import DataConfig
from tfopt.data.data_format import DataFormat
from tfopt.data.lazy_arrays import is_much
from tfopt.data.raw_data import RawData
from tfopt.data.sounds import look_at_sound, read_sound
from tfopt.errors import InputError
from tfopt.typing import Array

WAV = (".wav", ".wave")
SOUNDS = (*WAV, ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus")


class AudioFolderFormat(DataFormat):
    """Folders of WAV files, one for each class."""

    name = "audio"
    title = "a folder of .wav files"

    def suits(self, path: Path) -> bool:
        """Take a folder in whose folders the first file of any weight is a sound."""
        if not path.is_dir():
            return False
        first = next((name for folder in list_folders(path) for name in _names(folder)), "")
        return first.endswith(SOUNDS)

    def read(self, path: Path, config: DataConfig, class_names: tuple[str, ...] | None) -> RawData:
        """Read the files of a folder with a folder for each class, or with `train` and `test` folders of such."""
        if config.image_size is not None:
            raise InputError(f"`image_size` is for images, but {path} is a folder of sounds")
        if config.target is not None:
            raise InputError(f"`target` {config.target} does not suit {path}, a folder of sounds by class")
        files = list_class_files(path, config, class_names, "sound")
        x, notes = read_sounds([Path(one) for one in files.paths])
        return RawData(
            x, files.labels, kind="image", scale="standard", parts=files.parts, class_names=files.class_names,
            notes=(*files.notes, *notes),
        )  # fmt: skip


def read_sounds(paths: list[Path]) -> tuple[Array, list[str]]:
    """Read WAV files.

    Returns:
        Each as a `Sound` (N,), as a `SoundFile` if they are too much to hold, and notes.

    Raises:
        InputError: If one is no WAV file or is damaged.
    """
    other = next((path for path in paths if path.suffix.lower() not in WAV), None)
    if other is not None:
        raise InputError(f"{other} is no WAV file; `ffmpeg -i {other.name} {other.stem}.wav` makes one of a sound")
    held = not is_much(sum(path.stat().st_size for path in paths))
    x = np.empty(len(paths), object)
    x[:] = [read_sound(path) if held else look_at_sound(path) for path in paths]
    mixed = sum(sound.channels > 1 for sound in x)
    return x, [f"{mixed:,} of {len(x):,} sounds of several channels were mixed to one"] if mixed else []


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of the files below `folder` that are no texts or the like, in lower case."""
    for path in folder.rglob("*"):
        name = path.name.lower()
        if not name.startswith(".") and not name.endswith(BESIDE) and path.is_file():
            yield name
