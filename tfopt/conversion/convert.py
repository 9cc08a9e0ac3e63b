"""A Keras model becomes a float `.tflite` file, by the first lowering that runs and answers as Keras does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from tfopt.config.choices import InterfaceType, Lowering
from tfopt.conversion.child import run_child
from tfopt.conversion.config import ConvertConfig
from tfopt.conversion.jobs import Lowered, LowerJob, TrainedJob
from tfopt.errors import ConversionError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import is_graph
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Array, Options

RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
HOW: dict[Lowering, str] = {
    "direct": "as it is",
    "fused": "through tf_keras, where LSTM layers become LiteRT's own kernel and others a loop, batch fixed",
    "loop": "with a loop over time, batch fixed",
    "unrolled": "with all time steps written out",
}


@dataclass(frozen=True)
class FloatFile:
    """What became of `model`: the float file, its inputs in the order of the model's, and the converter's own int8."""

    model: keras.Model
    artifact: TfliteArtifact
    inputs: list[str]
    error: float
    lowering: Lowering
    converter: TfliteArtifact | None
    sparse: TfliteArtifact | None
    notes: list[str]
    failure: str = ""


def convert(
    artifact: KerasArtifact,
    progress: Progress,
    config: ConvertConfig | None = None,
    *,
    static: Literal["int8", "int16"] | None = None,
    io: InterfaceType = "float",
    calibration: Sequence[Array] = (),
    sparse: bool = False,
) -> FloatFile:
    """Try the lowerings in turn; with `static` the converter also quantizes, on `calibration`, an array an input.

    Raises `ConversionError` with the reason of the first one if all of them fail.
    """
    config = config or ConvertConfig()
    model = artifact.model
    recurrent = is_graph(model) and has_recurrent(model)
    order: tuple[Lowering, ...] = ("fused", "loop", "unrolled") if recurrent else ("direct", "loop")
    failures: list[str] = []
    for lowering in order:
        fixed = 1 if recurrent or lowering == "loop" else None
        job = LowerJob(lowering=lowering, batch=config.batch or fixed, length=config.length, static=static, io=io)
        job.sparse = sparse
        try:
            return _attempt(artifact, job, calibration, progress)
        except ConversionError as error:
            failures.append(str(error))
    raise ConversionError(failures[0])


def _attempt(artifact: KerasArtifact, job: LowerJob, calibration: Sequence[Array], progress: Progress) -> FloatFile:
    with temporary_folder() as folder:
        (folder / "model.keras").write_bytes(artifact.payload)
        batch = [array[:2] for array in calibration] or [
            tensor.numpy() for tensor in random_inputs(artifact.model, job.length)
        ]
        np.savez(folder / "samples.npz", **_numbered(batch))
        np.savez(folder / "calibration.npz", **_numbered(calibration))
        told = folder / "lowered.json"
        try:
            run_child("conversion.lowering", folder, job, artifact.name, progress)
        except ConversionError:
            if not told.exists():  # it died before the float file was there and had been tried
                raise
        answer = Lowered.model_validate_json(told.read_bytes())
        notes = [f"converted {HOW[job.lowering]}; its outputs differ from Keras by {answer.error:.0e} of the largest"]
        stem = Path(artifact.name).stem
        own, without_zeros = folder / "converter.tflite", folder / "sparse.tflite"
        return FloatFile(
            artifact.model,
            TfliteArtifact(f"{stem}-float.tflite", (folder / "float.tflite").read_bytes(), order=answer.inputs),
            answer.inputs,
            answer.error,
            job.lowering,
            TfliteArtifact(f"{stem}-{job.static}.tflite", own.read_bytes(), order=answer.inputs)
            if own.exists()
            else None,
            TfliteArtifact(f"{stem}-sparse.tflite", without_zeros.read_bytes(), order=answer.inputs)
            if without_zeros.exists()
            else None,
            notes,
            answer.failure,
        )


def convert_trained(
    prepare: Callable[[Path], None], name: str, io: InterfaceType, progress: Progress
) -> TfliteArtifact:
    """Integers from the ranges that quantization-aware training learnt: `prepare` writes the SavedModel `trained`."""
    with temporary_folder() as folder:
        prepare(folder / "trained")
        run_child("conversion.trained", folder, TrainedJob(io=io), name, progress)
        return TfliteArtifact(f"{Path(name).stem}-qat.tflite", (folder / "quantized.tflite").read_bytes())


def has_recurrent(model: keras.Model) -> bool:
    """Whether a layer of `model`, or of a model in it, goes through a sequence step by step."""
    return any(
        isinstance(layer, RECURRENT) or (isinstance(layer, keras.Model) and has_recurrent(layer))
        for layer in model.layers
    )


def _numbered(arrays: Sequence[Array]) -> Options:
    return {str(index): np.asarray(array) for index, array in enumerate(arrays)}
