"""A step of a pipeline answers with an outcome: one type for all techniques."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tfopt.evaluation.fidelity import Unlabelled
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.schema import GateResult, LayerChange
from tfopt.training.plan import FitPlan
from tfopt.training.teacher import Teacher
from tfopt.typing import Json


@dataclass(frozen=True)
class Training:
    """Says how a technique has trained, so that a control can be trained as long.

    Attributes:
        plans: The plan of each training, in order.
        teacher: The model whose answers were learnt as well as the labels, if a control is to learn them, too.
        start: The model that a control starts from, if that is not the one the technique was given.
    """

    plans: Sequence[FitPlan]
    teacher: Teacher | None = None
    start: KerasArtifact | None = None


@dataclass(frozen=True)
class Outcome:
    """Holds what a technique made of a model, and what it has to say about it.

    Attributes:
        artifact: The result.
        companions: Files that lie beside it, as the `.keras` of quantization-aware training.
        measured: All that the report shows, the baseline first; empty means the source and the artifact.
        layers: Each layer with weights that was changed, or skipped with the reason.
        notes: Sentences for the report.
        history: Figures of each epoch that was trained.
        gates: Limits that the technique has held its result to.
        training: How it was trained; None if it was not.
        control: What a training as long makes of the source without the technique; added by a pipeline, if asked for.
        samples: What it was given without labels, on which answers can be compared.
        facts: Plain data of which the technique makes sentences when everything is measured.
    """

    artifact: Artifact
    companions: Sequence[Artifact] = ()
    measured: Sequence[Artifact] = ()
    layers: Sequence[LayerChange] = ()
    notes: Sequence[str] = ()
    history: Sequence[dict[str, float]] = ()
    gates: Sequence[GateResult] = ()
    training: Training | None = None
    control: KerasArtifact | None = None
    samples: Unlabelled | None = None
    facts: Json = field(default_factory=dict)
