"""A model file as plain data: its size and shapes, what it remembers, and its layers or operations."""

from collections.abc import Sequence

from tfopt.formats.artifact import Artifact, Shape
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.provenance import Provenance
from tfopt.inspection.layers import keras_facts
from tfopt.inspection.tflite import tflite_facts
from tfopt.report.inspection import Inspection, OriginFacts, PortFacts, StepFacts
from tfopt.report.schema import package_versions
from tfopt.runtime.progress import Progress


def inspect(artifact: Artifact, progress: Progress, *, int8: bool = True) -> Inspection:
    """Look into a model; with `int8` a Keras model is converted and quantized to see what that does to its layers."""
    if isinstance(artifact, KerasArtifact):
        facts = keras_facts(artifact, progress, int8=int8)
    else:
        facts = tflite_facts(artifact.payload)
    return Inspection(
        name=artifact.name,
        format=artifact.format,
        file_bytes=len(artifact.payload),
        inputs=_ports(artifact.input_shapes(), artifact.input_types()),
        outputs=_ports(artifact.output_shapes()),
        origin=_origin(artifact.provenance) if artifact.provenance else None,
        versions=package_versions(),
        **facts,
    )


def _ports(shapes: Sequence[Shape], types: Sequence[str | None] | None = None) -> list[PortFacts]:
    types = types or [None] * len(shapes)
    return [PortFacts(shape=list(shape), dtype=dtype) for shape, dtype in zip(shapes, types, strict=True)]


def _origin(memory: Provenance) -> OriginFacts:
    return OriginFacts(
        data=memory.data.source if memory.data else None,
        task=memory.task,
        num_classes=memory.num_classes,
        history=[StepFacts(command=step.command, config=step.config, tfopt=step.tfopt) for step in memory.history],
    )
