"""A model file as plain data: its size and shapes, what it remembers, and its layers or operations."""

from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.provenance import Provenance
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.inspection.layers import keras_facts
from tfopt.inspection.onnx import onnx_facts
from tfopt.inspection.tflite import tflite_facts
from tfopt.report.inspection import Inspection, OriginFacts, StepFacts
from tfopt.report.schema import package_versions
from tfopt.runtime.progress import Progress


def inspect(artifact: Artifact, progress: Progress, *, trial: bool = False) -> Inspection:
    """Look into a model; on `trial` a Keras model is converted and quantized to see what that does."""
    if isinstance(artifact, KerasArtifact):
        facts = keras_facts(artifact, progress, trial=trial)
    elif isinstance(artifact, TfliteArtifact):
        facts = tflite_facts(artifact.payload)
    else:
        facts = onnx_facts(artifact)
    return Inspection(
        name=artifact.name,
        format=artifact.format,
        file_bytes=len(artifact.payload),
        inputs=artifact.ports("input"),
        outputs=artifact.ports("output"),
        origin=_origin(artifact.provenance) if artifact.provenance else None,
        versions=package_versions(),
        **facts,
    )


def _origin(memory: Provenance) -> OriginFacts:
    return OriginFacts(
        data=memory.data.source if memory.data else None,
        task=memory.task,
        num_classes=memory.num_classes,
        history=[StepFacts(command=step.command, config=step.config, tfopt=step.tfopt) for step in memory.history],
    )
