"""Predictions of models with several inputs or outputs: inputs come by their names, each output has its answer."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfopt.data.output_labels import OutputLabels, taken_apart
from tfopt.data.scaling import Scaling
from tfopt.errors import InputError
from tfopt.formats.artifact import Artifact
from tfopt.formats.provenance import Provenance
from tfopt.report.predictions import OutputAnswer, Prediction
from tfopt.tasks.classes import predicted_classes
from tfopt.typing import Array


def prepared_inputs(artifact: Artifact, memory: Provenance, arrays: Mapping[str, Array]) -> tuple[Array, ...]:
    """Return what a model is fed: an array (N, ...) for each of its inputs, in their order.

    Args:
        artifact: The model.
        memory: What it remembers of its inputs.
        arrays: An array for each input by its name, in the units of the data.

    Raises:
        InputError: If one is missing, has another shape or another number of samples, or is no number.
    """
    assert memory.scalings is not None
    fed = []
    for (name, scaling), shape in zip(_ordered(artifact, memory), artifact.input_shapes(), strict=True):
        if name not in arrays:
            raise InputError(f"{artifact.name} has the input {name}, but was given {', '.join(arrays) or 'nothing'}")
        x = np.asarray(arrays[name])
        if x.dtype.kind not in "fiub" or not np.isfinite(x.astype(np.float32)).all():
            raise InputError(f"the samples for the input {name} are no numbers or hold NaN or infinity")
        if x.ndim != len(shape) or any(w not in (None, g) for w, g in zip(shape[1:], x.shape[1:], strict=True)):
            raise InputError(f"{artifact.name} takes {name} of shape {shape[1:]}, but was given {x.shape[1:]}")
        fed.append(scaling(x))
    counts = {len(x) for x in fed}
    if len(counts) > 1:
        raise InputError(f"the inputs of {artifact.name} have different numbers of samples: {sorted(counts)}")
    return tuple(fed)


def _ordered(artifact: Artifact, memory: Provenance) -> list[tuple[str, Scaling]]:
    scalings = memory.scalings or {}
    names = artifact.input_names if set(artifact.input_names) == set(scalings) else list(scalings)
    return [(name, scalings[name]) for name in names]


def answers_by_output(outputs: Sequence[OutputLabels], names: Sequence[str], found: Array) -> list[Prediction]:
    """Return a prediction for each sample, with the answer of each output.

    Args:
        outputs: What is known of the outputs.
        names: What each sample is called (N,).
        found: What the model gave, side by side (N, F).
    """
    parts = taken_apart(found, [one.answer or () for one in outputs])
    every = [_of_output(one, part) for one, part in zip(outputs, parts, strict=True)]
    return [
        Prediction(input=name, answer="; ".join(f"{one.name} {one.text}" for one in answers), outputs=tuple(answers))
        for name, *answers in zip(names, *every, strict=True)
    ]


def _of_output(labels: OutputLabels, answers: Array) -> list[OutputAnswer]:
    if labels.task != "classification":
        return [OutputAnswer(name=labels.name, answer=value.ravel().tolist()) for value in answers]
    classes = predicted_classes(answers, probabilities=labels.probabilities)
    words = dict(enumerate(labels.class_names or ()))
    return [OutputAnswer(name=labels.name, answer=words.get(at, str(at))) for at in classes.tolist()]
