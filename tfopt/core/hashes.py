"""Hashes of all that determines what a step of a recipe makes, and of files."""

import hashlib
import json
from pathlib import Path

import tensorflow as tf

from tfopt.core.provenance import config_record, data_provenance
from tfopt.core.recipe import Step
from tfopt.core.registry import version_of
from tfopt.data.dataset import Dataset
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.custom_objects import source_hashes
from tfopt.report.schema import package_versions


def step_key(before: str, step: Step, source: Artifact, data: Dataset | None, name: str | None = None) -> str:
    """Return the hash of all that determines what a step makes.

    Args:
        before: The key of the step before it, or the hash of the source.
        step: The technique and its config; of files that the config names, the contents count.
        source: What the step is given.
        data: The data; None if there are none.
        name: What the result is called, if it is not named after the source.
    """
    parts = [
        before,
        source.name,
        name,
        step.technique.name,
        version_of(step.technique.name),
        config_record(step.config),
        {name: file_hash(path) for name, path in step.config.paths()},
        data_provenance(data).model_dump(mode="json") if data else None,
        package_versions(),
        source_hashes(),
        [device.device_type for device in tf.config.list_physical_devices()],
    ]
    return sha256(json.dumps(parts, sort_keys=True).encode())[:32]


def sha256(payload: bytes) -> str:
    """Return the hash of bytes, in hexadecimal digits."""
    return hashlib.sha256(payload).hexdigest()


def file_hash(path: Path) -> str:
    """Return the hash of a file, or of all files in a folder and their names."""
    if not path.is_dir():
        return sha256(path.read_bytes()) if path.is_file() else ""
    inside = sorted(one for one in path.rglob("*") if one.is_file())
    return sha256("".join(f"{one.relative_to(path)} {file_hash(one)}\n" for one in inside).encode())
