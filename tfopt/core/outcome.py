"""A step of a pipeline answers with an outcome: one type for all techniques."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfopt.formats.artifact import Artifact
from tfopt.report.schema import GateResult, LayerChange, Report


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
        verdict: What can be said only when everything is measured.
    """

    artifact: Artifact
    companions: Sequence[Artifact] = ()
    measured: Sequence[Artifact] = ()
    layers: Sequence[LayerChange] = ()
    notes: Sequence[str] = ()
    history: Sequence[dict[str, float]] = ()
    gates: Sequence[GateResult] = ()
    verdict: Callable[[Report], list[str]] | None = None
