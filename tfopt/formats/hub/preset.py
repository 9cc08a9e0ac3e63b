"""A preset of KerasHub is a folder of configurations, weights and vocabularies; only what lies in it is read.

It may come from a stranger: what is known is copied, checked like a `.keras` file, and loaded from the copy. KerasHub
would also download a preset that is given by a handle, and read other formats; neither is done here.
"""

import shutil
from pathlib import Path

import h5py

from tfopt.errors import InputError, TfoptError
from tfopt.formats.hub.task import task_artifact
from tfopt.formats.keras.artifact import BYTES_PER_SECOND, MIN_SECONDS, KerasArtifact
from tfopt.formats.keras.refusal import explain
from tfopt.formats.paths import PRESET_TASK, UNREADABLE, preset_folder
from tfopt.runtime.temporary_files import check_free_space, temporary_folder
from tfopt.typing import Json
from tfopt.untrusted.configs import check_config, read_config
from tfopt.untrusted.hdf5 import check_weights
from tfopt.untrusted.hub_classes import import_hub
from tfopt.untrusted.limits import time_limit
from tfopt.untrusted.variables import limit_variables

CONFIGS = ("config.json", PRESET_TASK)
MORE_CONFIGS = ("preprocessor.json", "tokenizer.json", "image_converter.json", "metadata.json")
WEIGHTS = ("model.weights.h5", "task.weights.h5")
ASSETS = Path("assets", "tokenizer")
MOST_ASSETS = 100_000_000  # bytes


def load_preset(path: Path) -> KerasArtifact:
    """Load the task of a preset.

    Args:
        path: The folder behind its prefix, as in `keras-hub:FOLDER`.

    Raises:
        InputError: It is not a sound, safe preset of a task.
        UnsupportedError: Its task is no classifier of images or texts.
    """
    folder, name = preset_folder(path), str(path)
    with temporary_folder() as copy:
        try:
            task = _copy_checked(folder, copy, name)
            stored = sum((copy / weights).stat().st_size for weights in WEIGHTS)
            kind = getattr(import_hub(name).models, str(task.get("class_name")))
            with time_limit(MIN_SECONDS + stored / BYTES_PER_SECOND, name), limit_variables(stored, name):
                made = kind.from_preset(str(copy))
        except TfoptError:
            raise
        except Exception as error:  # KerasHub raises whatever it stumbles over
            raise InputError(explain(error, name)) from error
    return task_artifact(made, f"{folder.resolve().name}.keras")


def _copy_checked(folder: Path, copy: Path, name: str) -> Json:
    """Copy the files that are read, once each has passed the checks; return the configuration of the task."""
    found: Json = {}
    for config in (*CONFIGS, *MORE_CONFIGS):
        if config in CONFIGS or (folder / config).exists():
            text = _file(folder, config, name).read_bytes()
            found[config] = read_config(text, f"{name}/{config}")
            check_config(found[config], name)
            (copy / config).write_bytes(text)
    for config in CONFIGS:
        if not isinstance(found[config], dict) or not isinstance(found[config].get("registered_name"), str):
            raise InputError(f"{name}/{config} is no configuration of KerasHub; `save_to_preset` of a task writes one")
    check_free_space(copy, sum((folder / weights).stat().st_size for weights in WEIGHTS if (folder / weights).exists()))
    for weights in WEIGHTS:
        shutil.copyfile(_file(folder, weights, name), copy / weights)
        _check_weights(copy / weights, f"{name}/{weights}")
    _copy_assets(folder, copy, name)
    return dict(found[PRESET_TASK])


def _check_weights(path: Path, name: str) -> None:
    try:
        with h5py.File(path) as file:
            check_weights(file, name, path.stat().st_size)
    except UNREADABLE as error:
        raise InputError(f"{name} is not a file of weights or is truncated: {error}") from error


def _copy_assets(folder: Path, copy: Path, name: str) -> None:
    if not (folder / ASSETS).is_dir():
        return
    (copy / ASSETS).mkdir(parents=True)
    files = [_file(folder, str(ASSETS / path.name), name) for path in (folder / ASSETS).iterdir()]
    if sum(path.stat().st_size for path in files) > MOST_ASSETS:
        raise InputError(f"{name} has more than {MOST_ASSETS:,} bytes of vocabularies, which no tokenizer has")
    for path in files:
        shutil.copyfile(path, copy / ASSETS / path.name)


def _file(folder: Path, part: str, name: str) -> Path:
    """Return a file of the preset that is there and does not lead out of it."""
    path = folder / part
    if not path.exists():
        raise InputError(
            f"{name} has no {part}: a preset of a task has {', '.join((*CONFIGS, *WEIGHTS))}, as `save_to_preset` of"
            " an image or text classifier writes them"
        )
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{name} has {part} that is no file or leads out of the folder: refused")
    return path
