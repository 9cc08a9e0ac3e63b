"""Conversion of a Keras model into a float `.tflite` file, by the first lowering that runs and answers as Keras does.

A lowering is a way to bring the model to TensorFlow's converter, which runs in a child process: as it is, or for
recurrent models through tf_keras, with a loop over time, or with all time steps written out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from tfopt.config.choices import InterfaceType, Lowering
from tfopt.conversion.config import ConvertConfig
from tfopt.conversion.converter_process import LARGE, run_converter
from tfopt.conversion.lowering import Lowered, LowerJob
from tfopt.errors import ConversionError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.keras.custom_objects import modules_of, registered_sources
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.graph.precision import half_precision, in_float32
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import is_graph
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Array

RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
LOWERING_NOTES: dict[Lowering, str] = {
    "direct": "as it is",
    "fused": "through tf_keras, where LSTM layers become LiteRT's own kernel and others a loop",
    "loop": "with a loop over time",
    "unrolled": "with all time steps written out",
}


@dataclass(frozen=True)
class FloatFile:
    """A float file, and all else that a conversion gives.

    Attributes:
        model: The Keras model.
        artifact: The float file.
        inputs: The names of the file's inputs, in the order of the model's.
        error: The largest difference of the outputs from those of Keras, relative to the largest output.
        lowering: How the model was brought to the converter.
        converter: The file that the converter quantized itself, if it was asked to and did.
        sparse: The file without the zeros of pruned weights, if it was asked for and works.
        notes: What is to be said in the report.
        failure: Why there is no quantized or sparse file, if one was asked for.
    """

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
    """Convert a model; try the lowerings in turn.

    Args:
        artifact: The model.
        progress: Is told the stages.
        config: Which sizes the file fixes.
        static: The type of activations to which the converter quantizes the model as well; None for not at all.
        io: The type of the inputs and outputs of the quantized file.
        calibration: What the converter calibrates on: an array (N, ...) for each input.
        sparse: Whether a file without the zeros of pruned weights is made as well.

    Returns:
        The float file, and the others that were asked for.

    Raises:
        ConversionError: All lowerings fail; the message is that of the first.
    """
    config = config or ConvertConfig()
    check_text(artifact)
    modules = modules_of(artifact.model, artifact.name)
    source, notes = for_inference(artifact)
    first, failures = "", list[str]()
    for lowering, batch in _ways(artifact.model, config.fixed_batch):
        job = LowerJob(
            lowering=lowering,
            batch=batch,
            length=config.length,
            static=static,
            io=io,
            sparse=sparse,
            custom_objects=registered_sources(),
            modules=modules,
        )
        try:
            made = _attempt(source, job, calibration, progress, probabilities=artifact.gives_probabilities())
        except ConversionError as error:
            free = " with a free batch" if batch is None else ""
            failures.append(f"to convert it {LOWERING_NOTES[lowering]}{free} failed: {error}")
            first = first or str(error)
        else:
            return replace(made, notes=[*notes, *failures, *made.notes])
    raise ConversionError(first)


def _ways(model: keras.Model, batch: int | None) -> list[tuple[Lowering, int | None]]:
    """Return the lowerings to try, and the batch that each fixes: some operations are not converted with a free one."""
    if is_graph(model) and has_recurrent(model):
        return [("fused", batch or 1), ("loop", batch or 1), ("unrolled", batch or 1)]
    return [("direct", batch)] if batch else [("direct", None), ("direct", 1)]


def for_inference(artifact: KerasArtifact) -> tuple[KerasArtifact, list[str]]:
    """Return a model that computes in float32, and what is to be said if that is another one."""
    policies = half_precision(artifact.model)
    if not policies:
        return artifact, []
    source = KerasArtifact.from_model(in_float32(artifact.model), artifact.name)
    return source, [f"converted in float32, not in {' and '.join(policies)}, which is for training"]


def check_text(artifact: KerasArtifact) -> None:
    """Raise `UnsupportedError` if a model takes text, for which LiteRT has no operations."""
    if "string" not in artifact.input_types():
        return
    layers = [name for name, layer in named_layers(artifact.model) if isinstance(layer, keras.layers.TextVectorization)]
    raise UnsupportedError(
        f"{artifact.name} takes text itself{f' ({layers[0]})' if layers else ''}, for which LiteRT has no operations:"
        " give the model from the token ids on, as keras.Model(ids, outputs); `tfopt train` makes such models"
    )


def _attempt(
    artifact: KerasArtifact, job: LowerJob, calibration: Sequence[Array], progress: Progress, *, probabilities: bool
) -> FloatFile:
    feeds = [np.asarray(array) for array in calibration]
    compared = [array[:2] for array in feeds] or [
        tensor.numpy() for tensor in random_inputs(artifact.model, job.length)
    ]
    with temporary_folder() as folder:
        (folder / "model.keras").write_bytes(artifact.payload)
        lowered = folder / "lowered.json"
        try:
            run_converter(
                "tfopt.conversion.lowering:lower",
                folder,
                job,
                compared,
                feeds,
                title=artifact.name,
                progress=progress,
                # Custom objects are registered in the process.
                lasting=not job.custom_objects and not job.modules and len(artifact.payload) < LARGE,
            )
        except ConversionError:
            if not lowered.exists():  # it died before the float file was there and had been tried
                raise
        answer = Lowered.model_validate_json(lowered.read_bytes())

        def made(file: str, kind: str) -> TfliteArtifact | None:
            path = folder / file
            name = f"{Path(artifact.name).stem}-{kind}.tflite"
            if not path.exists():
                return None
            return TfliteArtifact(name, path.read_bytes(), order=answer.inputs, probabilities=probabilities)

        how = LOWERING_NOTES[job.lowering]
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
            [
                f"converted {how}; its outputs differ from Keras by {answer.error:.0e} of the largest",
                *batch_notes(job.batch),
            ],
            answer.failure,
        )


def batch_notes(batch: int | None) -> list[str]:
    """Say how many samples a file takes at once, if that is fixed."""
    if batch is None:
        return []
    return [f"the file takes {batch} sample{'s' if batch > 1 else ''} at a time; `batch` N fixes another number"]


def convert_trained(
    prepare: Callable[[Path], None], name: str, io: InterfaceType, progress: Progress
) -> TfliteArtifact:
    """Convert a model into integers, with the ranges that quantization-aware training learnt.

    Args:
        prepare: Writes the trained model as a SavedModel into the folder it is given.
        name: The name of the model's file.
        io: The type of the inputs and outputs.
        progress: Is told the stages.

    Raises:
        ConversionError: The converter fails.
    """
    with temporary_folder() as folder:
        prepare(folder / "trained")
        run_converter("tfopt.conversion.lowering:quantize_trained", folder, io, title=name, progress=progress)
        return TfliteArtifact(f"{Path(name).stem}-qat.tflite", (folder / "quantized.tflite").read_bytes())


def has_recurrent(model: keras.Model) -> bool:
    """Tell whether a layer of `model`, or of a model in it, goes through a sequence step by step."""
    return any(
        isinstance(layer, RECURRENT) or (isinstance(layer, keras.Model) and has_recurrent(layer))
        for layer in model.layers
    )
