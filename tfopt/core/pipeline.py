"""A pipeline: steps, each a technique and its config, that make one model of another; measured once, at the end.

The data are loaded once, every step sees them without their test split, and what a step makes is what the next one
takes: the same bytes as a command by itself would have written.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfopt.config.fields import Config
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.core.provenance import DataLike, data_for, next_provenance
from tfopt.core.recipe import Recipe, Step
from tfopt.core.result import Result, report_of
from tfopt.data.dataset import Dataset
from tfopt.distribution.strategies import create_logical_devices
from tfopt.errors import InputError
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load_keras
from tfopt.runtime.process_state import preserved
from tfopt.runtime.progress import Progress, Silent


class Pipeline:
    """Steps that are applied one after the other.

        pipeline = tfopt.Pipeline([tfopt.PruneConfig(sparsity=0.5), tfopt.QuantizeConfig()])
        result = pipeline.run("model.keras")

    Args:
        steps: Configs of techniques, or `Step`s, which also name the technique.

    Raises:
        InputError: If there is no step, or one gives what the next cannot take.
    """

    def __init__(self, steps: Sequence[Config | Step]) -> None:
        self.steps = [Step.of(step) for step in steps]
        if not self.steps:
            raise InputError("`steps` is empty: a pipeline has at least one")
        for step, following in zip(self.steps, self.steps[1:], strict=False):
            if step.technique.gives != "keras":
                raise InputError(
                    f"{step.technique.name} gives a .{step.technique.gives} file, but {following.technique.name} takes"
                    " a Keras model: swap them"
                )

    @preserved()
    def run(
        self,
        model: ModelLike,
        data: DataLike | None = None,
        *,
        name: str | None = None,
        progress: Progress | None = None,
    ) -> Result:
        """Apply the steps to a copy of `model`, measure what came out and report.

        Args:
            model: A path, a `keras.Model`, or an artifact.
            data: A name, a path, a config or a data set; None for what the model remembers.
            name: What the result is called, suffix included.
            progress: Shows how far the work is.

        Raises:
            TfoptError: In one sentence that names the argument, if it cannot be done.
        """
        progress = progress or Silent()
        for step in self.steps:
            create_logical_devices(step.config)
        source = load_keras(model)
        dataset, notes = data_for(source, data, progress)
        context = Context.of(dataset, progress)
        applied: list[Outcome] = []
        artifact: Artifact = source
        for step in self.steps:
            assert isinstance(artifact, KerasArtifact)
            last = step is self.steps[-1]
            applied.append(self._apply(step, artifact, context, dataset, name if last else None))
            measured = [source if one is artifact else one for one in applied[-1].measured]
            artifact = applied[-1].artifact
        report = report_of(self.command, self.config, dataset, measured, progress, notes=notes + self._notes(applied))
        report = report.model_copy(
            update={
                "layers": [layer for outcome in applied for layer in outcome.layers],
                "history": [epoch for outcome in applied for epoch in outcome.history],
                "gates": [gate for outcome in applied for gate in outcome.gates],
            }
        )
        verdict = applied[-1].verdict
        return Result(artifact, report.with_notes(verdict(report) if verdict else []), tuple(applied[-1].companions))

    @property
    def command(self) -> str:
        """Return what a report calls it: the command of its only step, or a pipeline."""
        if len(self.steps) > 1:
            return "pipeline"
        return self.steps[0].technique.command or self.steps[0].technique.name

    @property
    def config(self) -> Config:
        """Return what was asked for: the config of its only step, or the recipe."""
        return self.steps[0].config if len(self.steps) == 1 else Recipe.of(self.steps)

    def _apply(
        self, step: Step, artifact: KerasArtifact, context: Context, dataset: Dataset | None, name: str | None
    ) -> Outcome:
        """Apply a step, and give what it made a name and a memory."""
        technique = step.technique
        outcome = technique.apply(artifact, step.config, context)
        outcome.artifact.name = name or technique.output_name(Path(artifact.name).stem, step.config)
        for companion, suffix in zip(outcome.companions, technique.companions, strict=True):
            companion.name = str(Path(outcome.artifact.name).with_suffix(suffix))
        provenance = next_provenance(artifact, dataset, technique, step.config)
        for made in (outcome.artifact, *outcome.companions):
            if isinstance(made, KerasArtifact):
                made.remember(provenance)
        return outcome if outcome.measured else replace(outcome, measured=(artifact, outcome.artifact))

    def _notes(self, applied: Sequence[Outcome]) -> list[str]:
        """Return the notes of all steps, which say of which step they are if there are several."""
        if len(applied) == 1:
            return list(applied[0].notes)
        pairs = zip(self.steps, applied, strict=True)
        return [f"{step.technique.name}: {note}" for step, outcome in pairs for note in outcome.notes]
