"""Data in the shape and order that a loaded model takes."""

from dataclasses import replace

from tfopt.data.dataset import Dataset
from tfopt.formats.artifact import Artifact
from tfopt.tasks.compatibility import ModelPorts, match


def match_artifact(data: Dataset, artifact: Artifact) -> Dataset:
    """Return `data` as a model takes them (see `tfopt.tasks.compatibility.match`).

    Raises:
        InputError: If the data do not fit.
    """
    if data.task == "compiled" and data.loss is None:
        data = replace(data, loss=artifact.loss)
    inputs, outputs = artifact.input_shapes(), artifact.output_shapes()
    matched = match(data, artifact.name, ModelPorts(inputs, outputs, artifact.input_names, artifact.output_names))
    if not matched.outputs:
        return matched
    shares = artifact.probabilities_of_outputs()
    told = zip(matched.outputs, shares or [one.probabilities for one in matched.outputs], strict=True)
    return replace(matched, outputs=tuple(one.model_copy(update={"probabilities": share}) for one, share in told))
