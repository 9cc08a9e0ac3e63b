"""The inputs and outputs of an artifact, of whatever format."""

from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.model_io import inputs_of, outputs_of
from tfopt.report.ports import Port
from tfopt.typing import Tensor


def ports_of(artifact: Artifact) -> tuple[list[Port], list[Port]]:
    """Return the inputs and the outputs; those of a `.tflite` file in its own order."""
    if isinstance(artifact, TfliteArtifact):
        return artifact.ports("input"), artifact.ports("output")
    assert isinstance(artifact, KerasArtifact)
    inputs = [_port(one, one.name) for one in inputs_of(artifact.model)]
    return inputs, [_port(one) for one in outputs_of(artifact.model)]  # whose names Keras counts up


def _port(tensor: Tensor, name: str | None = None) -> Port:
    return Port(name=name, shape=list(tensor.shape), dtype=str(tensor.dtype))
