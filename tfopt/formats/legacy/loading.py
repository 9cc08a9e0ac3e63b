"""Files of Keras 2 are opened by tf_keras and rebuilt in Keras 3: `.h5`, a SavedModel, HDF5 or Keras 2 under `.keras`.

Nothing in such a file is executed. tf_keras is not careful: it runs the bytecode of a Lambda, imports any module that
is named and calls any function of TensorFlow, so all of that is looked for before it is opened.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import tf_keras

from tfopt.errors import InputError, TfoptError
from tfopt.formats.legacy.known_classes import check_known_classes, read_checked_config
from tfopt.formats.legacy.saved_model import read_saved_model
from tfopt.formats.legacy.to_keras3 import to_keras3
from tfopt.graph.tensor_sizes import check_tensor_sizes
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Json
from tfopt.untrusted.archives import check_members
from tfopt.untrusted.configs import CUSTOM, read_config
from tfopt.untrusted.hdf5 import check_weights
from tfopt.untrusted.limits import time_limit
from tfopt.untrusted.variables import limit_variables

MIN_SECONDS = 30.0  # that loading may take, and a second more for so many bytes
BYTES_PER_SECOND = 1_000_000
OLD_LAYERS = "_layer_checkpoint_dependencies"
Training = Json


def load_legacy(path: Path) -> tuple[keras.Model, str]:
    """Load a file of Keras 2 as a Keras 3 model; return it, and why it is not compiled as the file says, if so.

    Raises:
        InputError: It is damaged, unsafe, or no model.
        UnsupportedError: It has something that Keras 3 lacks.
    """
    try:
        stored = sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
        with time_limit(MIN_SECONDS + stored / BYTES_PER_SECOND, str(path)), limit_variables(stored, str(path)):
            return _load_any(path)
    except TfoptError:
        raise
    except Exception as error:  # tf_keras and h5py raise anything for unsound files
        raise InputError(_explain(error, path)) from error


def _load_any(path: Path) -> tuple[keras.Model, str]:
    if path.is_dir():
        return to_keras3(read_saved_model(path), path.name), ""
    if zipfile.is_zipfile(path):
        return _load_zip(path)
    return _load_hdf5(path)


def _explain(error: Exception, path: Path) -> str:
    unknown = re.findall(r"(?:Unknown layer|Could not locate class):? '([^']+)'", str(error))
    if unknown:
        return f"{path} uses {unknown[-1]}, {CUSTOM}"
    return f"{path} cannot be loaded by Keras 2 (tf_keras) either: {' '.join(str(error).split())[:200]}"


def _load_hdf5(path: Path) -> tuple[keras.Model, str]:
    with temporary_folder() as folder:
        copy = folder / "model.h5"  # both Kerases go by the suffix; and what was checked is what is read
        shutil.copyfile(path, copy)
        with h5py.File(copy) as file:
            check_weights(file, str(path), copy.stat().st_size)
            config, training = file.attrs.get("model_config"), file.attrs.get("training_config")
            version = str(file.attrs.get("keras_version", "2"))
        if config is None:
            raise InputError(f"{path} holds weights only, or is no model of Keras; the architecture is needed as well")
        read_checked_config(config, path, keras if version.startswith("3") else tf_keras)
        if version.startswith("3"):
            model = _load_hdf5_of_keras3(copy)
            check_tensor_sizes(model, path.name)
            if model.compiled:
                return model, ""
        else:
            model = to_keras3(tf_keras.models.load_model(copy, compile=False), path.name)
    return model, _compile(model, read_config(training, str(path)), path) if training else ""


def _load_hdf5_of_keras3(path: Path) -> keras.Model:
    """Load a file that Keras 3 wrote, which finds no loss by its name in there, without its loss if that is so."""
    try:
        return keras.saving.load_model(path)
    except (ValueError, TypeError):
        return keras.saving.load_model(path, compile=False)


def _load_zip(path: Path) -> tuple[keras.Model, str]:
    with temporary_folder() as folder:
        copy = folder / "model.keras"
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as mended:
            check_members(archive, str(path), path.stat().st_size)
            config = read_checked_config(archive.read("config.json"), path)
            for member in ("metadata.json", "config.json"):
                mended.writestr(member, archive.read(member))
            weights = folder / "weights.h5"
            weights.write_bytes(archive.read("model.weights.h5"))
            with h5py.File(weights) as file:
                check_weights(file, str(path), weights.stat().st_size)
            mended.write(_rename_weights(weights), "model.weights.h5")
        model = to_keras3(tf_keras.models.load_model(copy, compile=False, safe_mode=True), path.name)
    return model, _compile(model, config["compile_config"], path) if config.get("compile_config") else ""


def _rename_weights(weights: Path) -> Path:
    """Write the weights under the names that tf_keras 2.21 looks for; those of Keras 2.13 have others.

    On Windows it separated groups by backslashes, which HDF5 does not understand. Layers were in a group of another
    name, where those with weights were counted twice: dense, dense_2, dense_4 are dense, dense_1, dense_2.
    """
    mended = weights.with_name("mended.h5")
    with h5py.File(weights) as source, h5py.File(mended, "w") as target:
        found: dict[tuple[str, ...], Any] = {}
        source.visititems(lambda name, item: found.update({tuple(re.split(r"[\\/]", name)): item}))
        for names, item in found.items():
            name = "/".join(_tf_keras_path(names, set(found)))
            if isinstance(item, h5py.Dataset):
                target[name] = item[()]
            else:
                target.require_group(name)
    return mended


def _tf_keras_path(names: tuple[str, ...], every: set[tuple[str, ...]]) -> Iterator[str]:
    for depth, name in enumerate(names):
        if name == OLD_LAYERS:
            yield "layers"
        elif depth and names[depth - 1] == OLD_LAYERS:
            siblings = {other[depth] for other in every if len(other) > depth and other[:depth] == names[:depth]}
            base = _without_number(name)
            same = sorted(
                (other for other in siblings if _without_number(other) == base), key=lambda other: (len(other), other)
            )
            position = same.index(name)
            yield f"{base}_{position}" if position else base
        else:
            yield name


def _without_number(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _compile(model: keras.Model, training: Training, path: Path) -> str:
    """Compile as the file says, if Keras 3 has the same loss and optimizer; else leave uncompiled, and say why."""
    try:
        check_known_classes(training.get("loss"), path, keras)
        loss = _snake_case(training.get("loss"))
        keras.losses.get(loss)
        model.compile(
            optimizer=_optimizer(training.get("optimizer_config") or training.get("optimizer") or {}),
            loss=loss,
            metrics=["accuracy"] if "accuracy" in json.dumps(training.get("metrics")) else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, InputError) as error:
        return f"{path} was compiled with what Keras 3 does not have: {' '.join(str(error).split())[:200]}"
    return ""


def _snake_case(value: Any) -> Any:
    """Return a loss by name, or with its options as Keras 3 spells them."""
    if isinstance(value, dict) and "class_name" in value:
        options = {k: v for k, v in value.get("config", {}).items() if k not in ("reduction", "fn", "name")}
        return getattr(keras.losses, value["class_name"])(**options)
    return value


def _optimizer(value: Any) -> keras.optimizers.Optimizer:
    if isinstance(value, str):
        return keras.optimizers.get(value)
    rate = value.get("config", {}).get("learning_rate", 1e-3)
    kind = getattr(keras.optimizers, str(value.get("class_name", "Adam")).split(">")[-1])
    return kind(learning_rate=float(rate) if isinstance(rate, int | float) else 1e-3)
