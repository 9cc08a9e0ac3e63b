"""A pipeline: steps, each a technique and its config, that make one model of another; measured once, at the end.

The data are loaded once, every step sees them without their test split, and what a step makes is what the next one
takes: the same bytes as a command by itself would have written.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfopt.config.fields import Config
from tfopt.conversion.config import MetadataConfig, NamesConfig
from tfopt.conversion.packed_file import pack_artifact
from tfopt.core.context import Context, metric_of
from tfopt.core.control import remarks, with_control
from tfopt.core.hashes import sha256, step_key
from tfopt.core.outcome import Outcome
from tfopt.core.provenance import DataLike, data_for, next_provenance, with_threshold
from tfopt.core.recipe import Recipe, Step, check_formats
from tfopt.core.registry import summary_of
from tfopt.core.result import Result, report_of
from tfopt.core.run_folder import RunFolder
from tfopt.data.dataset import Dataset
from tfopt.distribution.strategies import create_logical_devices
from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.evaluation.limits import limit_for
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load_keras
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.report.inspection import Verdict
from tfopt.report.plan import Plan, PlannedLayer, PlannedStep
from tfopt.runtime.process_state import preserved
from tfopt.runtime.processes import started_ahead
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
        check_formats(self.steps)

    @preserved()
    def run(
        self,
        model: ModelLike,
        data: DataLike | None = None,
        *,
        name: str | None = None,
        progress: Progress | None = None,
        gates: Gates | None = None,
        folder: RunFolder | None = None,
    ) -> Result:
        """Apply the steps to a copy of `model`, measure what came out and report.

        Args:
            model: A path, a `keras.Model`, or an artifact.
            data: A name, a path, a config or a data set; None for what the model remembers.
            name: What the result is called, suffix included, with the folder it is written to if that is not the
                current one: from there the data are found again.
            progress: Shows how far the work is.
            gates: Limits that the result is held to.
            folder: Keeps what each step makes; a step that it has is not done again. It must be held.

        Raises:
            TfoptError: In one sentence that names the argument, if it cannot be done.
        """
        progress = progress or Silent()
        for step in self.steps:
            create_logical_devices(step.config)
        source = load_keras(model)
        dataset, notes = data_for(source, data, progress)
        if gates:
            limit_for(gates, dataset.task if dataset else None)  # refuses before the work
        applied = self.apply(source, dataset, progress, name=name, folder=folder)
        last = applied[-1]
        limits = gates if gates != Gates() else None
        control = next((outcome.control for outcome in reversed(applied) if outcome.control), None)
        measured = list(last.measured)
        if (limits or len(self.steps) > 1) and not any(one is source for one in measured):
            measured.insert(0, source)  # what it all is compared with
        notes += self._notes(applied)
        report = report_of(
            self.command,
            self.config,
            dataset,
            measured,
            progress,
            notes=notes,
            gates=limits,
            held=last.artifact,
            control=control,
            samples=last.samples,
            metric=next((metric_of(one) for one in (gates, self.steps[-1].config) if metric_of(one)), None),
        )
        report = report.model_copy(
            update={
                "layers": [layer for outcome in applied for layer in outcome.layers],
                "history": [epoch for outcome in applied for epoch in outcome.history],
                "gates": [gate for outcome in applied for gate in outcome.gates] + report.gates,
            }
        )
        sentences = self.steps[-1].technique.verdicts(report, last.facts)
        sentences += remarks(report, applied, asked=self.controlled)
        return Result(last.artifact, report.with_notes(sentences), tuple(last.companions), control)

    @preserved()
    def plan(self, model: ModelLike, data: DataLike | None = None, *, progress: Progress | None = None) -> Plan:
        """Say what the steps would do to each layer of `model`; nothing is trained or written.

        Each step is planned on the model as it is now: what an earlier step removes, a later one does not find.
        Arguments and errors are those of `run`.
        """
        progress = progress or Silent()
        source = load_keras(model)
        dataset, notes = data_for(source, data, progress)
        context = Context.of(dataset, progress)
        with progress.task("planning", len(self.steps)) as advance:
            steps = []
            for step in self.steps:
                steps.append(_planned(step, source, context))
                advance(1, step.technique.name)
        if len(steps) > 1:
            notes.append("each step is planned on the model as it is now: what one removes, a later one does not find")
        return Plan(model=source.name, data=dataset.config.source if dataset else None, steps=steps, notes=notes)

    def apply(
        self,
        source: KerasArtifact,
        dataset: Dataset | None,
        progress: Progress,
        *,
        name: str | None = None,
        folder: RunFolder | None = None,
    ) -> list[Outcome]:
        """Apply the steps, or take from the folder what they have made, and measure nothing.

        Args:
            source: The model, which is left alone.
            dataset: The data, whose test split no step is given.
            progress: Shows how far the work is.
            name: What the result is called and where it is written; left out: named after the source, in the folder.
            folder: Keeps what each step makes.

        Returns:
            What each step has made; the artifact of the last one is the result.
        """
        context = Context.of(dataset, progress, folder.tables if folder else None)
        for step in self.steps:
            context.judged_as(step.config)  # refuses before the work
        applied: list[Outcome] = []
        artifact: Artifact = source
        control: KerasArtifact | None = source if self.controlled else None
        home = Path(name).parent if name else folder.path if folder else Path()
        key = sha256(source.payload + b"control" * self.controlled) if folder else ""
        for number, step in enumerate(self.steps, 1):
            assert isinstance(artifact, KerasArtifact)
            title = Path(name).name if name and number == len(self.steps) else None
            key = step_key(key, step, artifact, dataset, title) if folder else ""
            outcome = folder.find(key, artifact) if folder else None
            if outcome is None:
                outcome = self._apply(step, artifact, context, dataset, title, home)
                if control:
                    outcome = with_control(outcome, control, step, context)
                if folder:
                    folder.keep(key, step, artifact, outcome)
            measured = [source if one is artifact else one for one in outcome.measured]
            applied.append(replace(outcome, measured=measured))
            artifact, control = outcome.artifact, outcome.control or control
        return applied

    @property
    def controlled(self) -> bool:
        """Tell whether a step asks for a control, which then has the training of all of them."""
        return any(getattr(step.config, "control", False) for step in self.steps)

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
        self,
        step: Step,
        artifact: KerasArtifact,
        context: Context,
        dataset: Dataset | None,
        name: str | None,
        home: Path,
    ) -> Outcome:
        """Apply a step, and give what it made a name and a memory of data that are found from the folder `home`."""
        technique = step.technique
        with started_ahead(*technique.children):
            outcome = technique.apply(artifact, step.config, context.judged_as(step.config))
        before = outcome.artifact.name
        outcome.artifact.name = name or technique.output_name(Path(artifact.name).stem, step.config)
        for companion, suffix in zip(outcome.companions, technique.companions, strict=True):
            companion.name = str(Path(outcome.artifact.name).with_suffix(suffix))
        provenance = next_provenance(artifact, dataset, technique, step.config)
        measured = outcome.measured or (artifact, outcome.artifact)
        made = [outcome.artifact, *outcome.companions]
        made += [one for one in measured if isinstance(one, TfliteArtifact)]  # so that all are weighed alike
        unique = list({id(one): one for one in made}.values())
        packing = _packing_notes(unique, outcome, step.config)
        silent = isinstance(step.config, MetadataConfig) and not step.config.metadata
        for one in unique:
            if isinstance(one, KerasArtifact) or not silent:
                one.remember(with_threshold(provenance, one, dataset), home)
        renamed = {before: outcome.artifact.name}
        gates = [gate.model_copy(update={"name": renamed.get(gate.name, gate.name)}) for gate in outcome.gates]
        notes = [*outcome.notes, *packing, *_metadata_notes(outcome)]
        return replace(outcome, measured=measured, gates=gates, notes=notes)

    def _notes(self, applied: Sequence[Outcome]) -> list[str]:
        """Return the notes of all steps, which say of which step they are if there are several."""
        if len(applied) == 1:
            return list(applied[0].notes)
        pairs = zip(self.steps, applied, strict=True)
        return [f"{step.technique.name}: {note}" for step, outcome in pairs for note in outcome.notes]


def _packing_notes(made: Sequence[Artifact], outcome: Outcome, config: Config) -> list[str]:
    """Pack all `.tflite` files that a step has made, and say what that did to those that it gives."""
    names = isinstance(config, NamesConfig) and config.keep_names
    told = {id(one): pack_artifact(one, keep_names=names) for one in made if isinstance(one, TfliteArtifact)}
    return [told[id(one)].note for one in (outcome.artifact, *outcome.companions) if id(one) in told]


def _metadata_notes(outcome: Outcome) -> list[str]:
    """Say how many bytes the metadata of a `.tflite` file are."""
    made = (outcome.artifact, *outcome.companions)
    return [
        f"{one.name} remembers how it was made ({', '.join(one.provenance.parts())}) in {one.metadata_bytes:,} bytes;"
        " `metadata` False leaves that out"
        for one in made
        if isinstance(one, TfliteArtifact) and one.provenance
    ]


def _planned(step: Step, source: KerasArtifact, context: Context) -> PlannedStep:
    """Return what a step would do to each layer with weights; a technique may also speak of blocks of layers."""
    step.technique.check(source, step.config, context)
    found = step.technique.plan(source, step.config, context) or {}
    layers = {name: layer for name, layer in named_layers(source.model) if layer.weights}
    if found.keys() & layers.keys():
        shared = Verdict(can=False, detail="it shares its weights")
        found = {name: found.get(name, shared) for name in layers}
    return PlannedStep(
        technique=step.technique.name,
        summary=summary_of(step.technique),
        config=step.config.model_dump(mode="json", exclude_unset=True),
        layers=[
            PlannedLayer(
                layer=name,
                kind=type(layers[name]).__name__ if name in layers else "block",
                weights=layers[name].count_params() if name in layers else 0,
                changed=verdict.can,
                detail=verdict.detail,
            )
            for name, verdict in found.items()
        ],
    )
