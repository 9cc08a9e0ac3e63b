"""A Keras model becomes a float `.tflite` file, by the first lowering that runs and answers as Keras does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from tfopt.config.choices import InterfaceType, Lowering
from tfopt.conversion.config import ConvertConfig
from tfopt.conversion.converter_process import run_converter
from tfopt.conversion.lowering import Lowered, LowerJob
from tfopt.errors import ConversionError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import is_graph
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Array

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
    feeds = [np.asarray(array) for array in calibration]
    compared = [array[:2] for array in feeds] or [
        tensor.numpy() for tensor in random_inputs(artifact.model, job.length)
    ]
    with temporary_folder() as folder:
        (folder / "model.keras").write_bytes(artifact.payload)
        lowered = folder / "lowered.json"
        try:
            run_converter(
                "tfopt.conversion.lowering:lower", folder, job, compared, feeds, title=artifact.name, progress=progress
            )
        except ConversionError:
            if not lowered.exists():  # it died before the float file was there and had been tried
                raise
        answer = Lowered.model_validate_json(lowered.read_bytes())

        def made(file: str, kind: str) -> TfliteArtifact | None:
            path = folder / file
            name = f"{Path(artifact.name).stem}-{kind}.tflite"
            return TfliteArtifact(name, path.read_bytes(), order=answer.inputs) if path.exists() else None

        plain = made("float.tflite", "float")
        assert plain is not None
        return FloatFile(
            artifact.model,
            plain,
            answer.inputs,
            answer.error,
            job.lowering,
            made("converter.tflite", str(job.static)),
            made("sparse.tflite", "sparse"),
            [f"converted {HOW[job.lowering]}; its outputs differ from Keras by {answer.error:.0e} of the largest"],
            answer.failure,
        )


def convert_trained(
    prepare: Callable[[Path], None], name: str, io: InterfaceType, progress: Progress
) -> TfliteArtifact:
    """Integers from the ranges that quantization-aware training learnt: `prepare` writes the SavedModel `trained`."""
    with temporary_folder() as folder:
        prepare(folder / "trained")
        run_converter("tfopt.conversion.lowering:quantize_trained", folder, io, title=name, progress=progress)
        return TfliteArtifact(f"{Path(name).stem}-qat.tflite", (folder / "quantized.tflite").read_bytes())


def has_recurrent(model: keras.Model) -> bool:
    """Whether a layer of `model`, or of a model in it, goes through a sequence step by step."""
    return any(
        isinstance(layer, RECURRENT) or (isinstance(layer, keras.Model) and has_recurrent(layer))
        for layer in model.layers
    )
