"""Loading makes an `Artifact` of a path; whatever cannot be loaded becomes one sentence."""

from pathlib import Path
from typing import TypeAlias, cast

import keras
import numpy as np

from tfopt.errors import InputError
from tfopt.formats.artifact import Artifact
from tfopt.formats.hub.task import is_task, task_artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.paths import check_model_path, is_legacy, is_preset
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.runtime.packages import installed

LINE_ENDS = {"tflite": "a LiteRT", "onnx": "an ONNX"}
ModelLike: TypeAlias = str | Path | keras.Model | Artifact


def load(model: ModelLike) -> Artifact:
    """Load a model file, or wrap a Keras model that is in memory.

    Args:
        model: A path, a `keras.Model`, or an artifact, which is returned as it is.

    Returns:
        A `TfliteArtifact` for a `.tflite` file, an `OnnxArtifact` for an `.onnx` one, else a `KerasArtifact`; models of
        Keras 2 are rebuilt in Keras 3.

    Raises:
        InputError: The file is missing, damaged, unsafe or of an unknown kind.
        UnsupportedError: A model of Keras 2 has something that Keras 3 lacks.
    """
    if is_task(model):
        return task_artifact(model, f"{model.name}.keras")
    if isinstance(model, keras.Model):
        return KerasArtifact.from_model(model, model.name)
    if isinstance(model, KerasArtifact | TfliteArtifact):
        return model
    if getattr(model, "format", "") == "onnx":
        return cast(Artifact, model)
    if not isinstance(model, str | Path):
        raise InputError(f"`model` must be a path, a keras.Model or an artifact of tfopt, not {type(model).__name__}")
    path = check_model_path(model)
    if is_preset(path):
        from tfopt.formats.hub.preset import load_preset

        return load_preset(path)
    if path.suffix == ".tflite":
        return TfliteArtifact.load(path)
    if path.suffix == ".onnx":
        installed("onnxruntime")
        from tfopt.formats.onnx.artifact import OnnxArtifact

        return OnnxArtifact.load(path)
    if is_legacy(path):
        return _load_legacy_file(path)
    artifact = KerasArtifact.load(path)
    return task_artifact(artifact.model, artifact.name) if is_task(artifact.model) else artifact


def _load_legacy_file(path: Path) -> KerasArtifact:
    from tfopt.formats.legacy.loading import load_legacy

    model, uncompiled = load_legacy(path)
    artifact = KerasArtifact.from_model(model, path.name)
    artifact.uncompiled = uncompiled
    return artifact


def load_keras(model: ModelLike) -> KerasArtifact:
    """Load a model that a technique can change; arguments and errors as for `load`.

    Raises:
        InputError: It is a `.tflite` or `.onnx` file, or has weights that are not finite.
    """
    artifact = load(model)
    if not isinstance(artifact, KerasArtifact):
        kind = LINE_ENDS[artifact.format]
        raise InputError(f"{artifact.name} is {kind} file, the end of the line; give the .keras model it was made from")
    for weight in artifact.model.weights:
        if not np.isfinite(weight.numpy()).all():
            raise InputError(f"the weight {weight.path} of {artifact.name} has values that are NaN or infinite")
    return artifact
