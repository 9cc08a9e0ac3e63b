"""A step of a pipeline answers with an outcome: one type for all techniques."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tfopt.formats.artifact import Artifact
from tfopt.report.schema import GateResult, LayerChange
from tfopt.typing import Json


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
        facts: Plain data of which the technique makes sentences when everything is measured.
    """

    artifact: Artifact
    companions: Sequence[Artifact] = ()
    measured: Sequence[Artifact] = ()
    layers: Sequence[LayerChange] = ()
    notes: Sequence[str] = ()
    history: Sequence[dict[str, float]] = ()
    gates: Sequence[GateResult] = ()
    facts: Json = field(default_factory=dict)
