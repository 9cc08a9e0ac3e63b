"""A Keras model becomes an ONNX file by Keras' own export, which needs the package tf2onnx."""

from pathlib import Path

from tfopt.conversion.convert import check_text, for_inference
from tfopt.conversion.converter_process import run_converter
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.keras.custom_objects import modules_of, registered_sources
from tfopt.formats.onnx.artifact import OnnxArtifact
from tfopt.graph.random_inputs import random_inputs
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder


def to_onnx(artifact: KerasArtifact, progress: Progress) -> tuple[OnnxArtifact, list[str]]:
    """Convert a model.

    Args:
        artifact: The model.
        progress: Is told the stages.

    Returns:
        The file, and notes on it.

    Raises:
        ConversionError: If it cannot be exported, or answers otherwise then.
    """
    check_text(artifact)
    source, notes = for_inference(artifact)
    samples = [tensor.numpy() for tensor in random_inputs(source.model)]
    modules = modules_of(artifact.model, artifact.name)
    with temporary_folder() as folder:
        (folder / "model.keras").write_bytes(source.payload)
        found = run_converter(
            "tfopt.conversion.onnx_process:export",
            folder,
            samples,
            registered_sources(),
            modules,
            title=artifact.name,
            progress=progress,
            lasting=False,
            to="ONNX",
        )
        assert isinstance(found, dict)
        payload = (folder / "model.onnx").read_bytes()
    notes.append(f"exported to ONNX by Keras; its outputs differ by {found['error']:.0e} of the largest")
    name = f"{Path(artifact.name).stem}.onnx"
    probabilities = artifact.gives_probabilities()
    return OnnxArtifact(name, payload, order=found["inputs"], probabilities=probabilities), notes
