"""A run folder keeps what each step of a recipe has made, under a hash of all that determines it.

So a run that was stopped goes on after its last finished step, and what has not changed is not done again. A step is
put in place as a whole folder, by renaming it; a file in there that is not what was put there counts as not there.

    small-run/
      run.json                    which recipe it belongs to, and the files that it wrote
      steps/3f2a...9c/            what a step made, and step.json, what it had to say
      tables/b07d...41.json       figures that took long to measure (see `tfopt.core.tables`)
      model-pruned.keras          the result, with its report
"""

import contextlib
import glob
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tfopt.core.hashes import sha256
from tfopt.core.outcome import Outcome
from tfopt.core.provenance import config_record
from tfopt.core.recipe import Step
from tfopt.core.tables import Tables
from tfopt.errors import InputError, OutputError, TfoptError
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import GateResult, LayerChange
from tfopt.runtime.atomic_files import hidden_name, temporary_name, write_file, write_files
from tfopt.runtime.locks import locked
from tfopt.typing import Json

STATE, STEPS, TABLES, STEP = "run.json", "steps", "tables", "step.json"
LEFT_STEP = re.compile(r"\.[0-9a-f]{32}\.[0-9a-f]{8}\.tmp")
SOURCE = -1  # the index of what a step was given among the artifacts that it measures


class RunState(BaseModel):
    """The file name of the recipe that a folder belongs to, and what runs have written there.

    `outputs` has for each file the sha256 that it has, or will have once the run that writes it has ended.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    outputs: dict[str, tuple[str, ...]] = {}


class KeptFile(BaseModel):
    """An artifact that a step made, in a file of its own."""

    model_config = ConfigDict(frozen=True)

    name: str
    format: Literal["keras", "tflite", "onnx"]
    sha256: str
    order: tuple[str, ...] | None = None
    batch: int | None = None
    probabilities: bool | None = None

    @classmethod
    def of(cls, artifact: Artifact, payload: bytes) -> Self:
        """Describe an artifact."""
        found: Json = {"name": artifact.name, "format": artifact.format, "sha256": sha256(payload)}
        if isinstance(artifact, TfliteArtifact):
            found |= {name: getattr(artifact, name) for name in ("order", "batch", "probabilities")}
        return cls.model_validate(found)

    def load(self, path: Path, home: Path) -> Artifact:
        """Load it from `path` as if it lay in `home`; raise `InputError` if that is not what was written."""
        payload = path.read_bytes()
        if sha256(payload) != self.sha256:
            raise InputError(f"{path} has changed")
        artifact = (TfliteArtifact if self.format == "tflite" else KerasArtifact).load(path, home)
        artifact.name = self.name
        if isinstance(artifact, TfliteArtifact):
            artifact.order, artifact.batch = self.order, self.batch or artifact.batch
            artifact.probabilities = self.probabilities
        return artifact


class KeptStep(BaseModel):
    """The outcome of a step as plain data; artifacts are indices of `files`, or `SOURCE`."""

    model_config = ConfigDict(frozen=True)

    technique: str
    config: Json
    files: list[KeptFile]
    companions: list[int]
    measured: list[int]
    control: int | None = None
    layers: list[LayerChange]
    notes: list[str]
    history: list[dict[str, float]]
    gates: list[GateResult]
    facts: Json


class RunFolder:
    """The folder of a run, which one process at a time holds.

    Args:
        path: The folder, which is made when it is entered.
        recipe: The file name of the recipe.
        resume: Whether steps that it keeps are taken from it.

    Raises:
        OutputError: If it belongs to another recipe, or is no folder.
    """

    def __init__(self, path: Path, recipe: str, *, resume: bool) -> None:
        self.path = path
        self.resume = resume
        self.finished = 0  # steps of earlier runs that were found in it
        self._kept: set[str] = set()  # by this run, which finds them in any case
        self.tables = Tables(path / TABLES, resume=resume)
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is no folder; use `output` for another one")
        self.state = self._read_state() or RunState(recipe=recipe)
        if self.state.recipe != recipe:
            raise OutputError(f"{path} is the run folder of {self.state.recipe}; use `output` for another one")

    @classmethod
    def of_earlier_run(cls, path: Path) -> Self:
        """Open the folder of a run that has begun, whichever recipe it belongs to; `InputError` if there is none."""
        try:
            state = RunState.model_validate_json((path / STATE).read_bytes())
        except (OSError, ValidationError) as error:
            raise InputError(f"{path} is the folder of no run") from error
        return cls(path, state.recipe, resume=True)

    @property
    def used(self) -> bool:
        """Say whether a run has begun in it."""
        return (self.path / STATE).exists()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder and keep other processes from it while the context lasts."""
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self.path}: {error.strerror or error}") from error
        taken = f"another process is running in {self.path}; wait for it, or use `output` for another folder"
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove_if_empty)
            stack.enter_context(locked(self.path / ".run.lock", taken))
            self._remove_leftovers()
            yield

    def _remove_leftovers(self) -> None:
        """Remove what a process that was killed in this folder has left."""
        for left in (self.path / STEPS).glob(".*.tmp") if self.used else ():
            if LEFT_STEP.fullmatch(left.name):
                shutil.rmtree(left, ignore_errors=True)
        for name in (*self.state.outputs, STATE):
            for left in self.path.glob(f"{glob.escape(hidden_name(Path(name)))}.{'[0-9a-f]' * 8}.tmp"):
                left.unlink(missing_ok=True)

    def _remove_if_empty(self) -> None:
        """Remove the folder if nothing came of the run: it was asked for what cannot be done."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def owns(self, path: Path) -> bool:
        """Return whether a file is what a run in this folder wrote there, so that it may be replaced."""
        known = self.state.outputs.get(path.name, ()) if path.parent == self.path else ()
        return bool(known) and path.is_file() and sha256(path.read_bytes()) in known

    def write(self, contents: Mapping[Path, bytes]) -> None:
        """Write files; note those of the folder as its own first, so that a kill in between does no harm."""
        own = {path.name: sha256(payload) for path, payload in contents.items() if path.parent == self.path}
        both = {name: (*self.state.outputs.get(name, ())[-1:], new) for name, new in own.items()}
        self.state = RunState(recipe=self.state.recipe, outputs=self.state.outputs | both)
        write_file(self.path / STATE, (self.state.model_dump_json(indent=2) + "\n").encode(), force=True)
        if contents:
            write_files(contents, force=True)

    def find(self, key: str, source: Artifact) -> Outcome | None:
        """Return what the step of this key has made of `source`, if it is kept here whole."""
        folder = self.path / STEPS / key
        if not (self.resume or key in self._kept) or not folder.is_dir():
            return None
        try:
            text, _, seal = (folder / STEP).read_text(encoding="utf-8").rstrip("\n").rpartition("\n")
            if sha256(text.encode()) != seal:
                return None
            outcome = _restored(KeptStep.model_validate(json.loads(text)), folder, source, self.path)
        except (OSError, ValueError, ValidationError, LookupError, TfoptError):
            return None  # it is made again
        self.finished += key not in self._kept
        return outcome

    def keep(self, key: str, step: Step, source: Artifact, outcome: Outcome) -> None:
        """Keep what a step has made of `source` under its key."""
        made: list[Artifact] = []
        for artifact in filter(None, (outcome.artifact, *outcome.companions, *outcome.measured, outcome.control)):
            if artifact is not source and not any(artifact is one for one in made):
                made.append(artifact)
        payloads = [artifact.payload for artifact in made]
        place = {id(artifact): index for index, artifact in enumerate(made)} | {id(source): SOURCE}
        kept = KeptStep(
            technique=step.technique.name,
            config=config_record(step.config),
            files=[KeptFile.of(artifact, payload) for artifact, payload in zip(made, payloads, strict=True)],
            companions=[place[id(artifact)] for artifact in outcome.companions],
            measured=[place[id(artifact)] for artifact in outcome.measured],
            control=place.get(id(outcome.control)),
            layers=list(outcome.layers),
            notes=list(outcome.notes),
            history=list(outcome.history),
            gates=list(outcome.gates),
            facts=dict(outcome.facts),
        )
        names = [_file_name(index, file) for index, file in enumerate(kept.files)]
        contents = dict(zip(names, payloads, strict=True))
        text = json.dumps(kept.model_dump(mode="python"), indent=1)
        contents[STEP] = f"{text}\n{sha256(text.encode())}\n".encode()
        if not self.used:
            self.write({})
        self._put(self.path / STEPS / key, contents)
        self._kept.add(key)

    def _put(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        """Put a folder in place at once."""
        temporary = temporary_name(folder)
        try:
            temporary.mkdir(parents=True)
            write_files({temporary / name: payload for name, payload in contents.items()}, force=True)
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error

    def _read_state(self) -> RunState | None:
        try:
            return RunState.model_validate_json((self.path / STATE).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            damaged = f"{self.path / STATE} is not what a run writes; use `output` for another folder"
            raise OutputError(damaged) from error


def _restored(kept: KeptStep, folder: Path, source: Artifact, home: Path) -> Outcome:
    """Return the outcome of a step that is kept in a folder."""
    made = [file.load(folder / _file_name(index, file), home) for index, file in enumerate(kept.files)]
    return Outcome(
        made[0],
        companions=[made[index] for index in kept.companions],
        measured=[source if index == SOURCE else made[index] for index in kept.measured],
        control=next((one for i, one in enumerate(made) if i == kept.control and isinstance(one, KerasArtifact)), None),
        layers=kept.layers,
        notes=kept.notes,
        history=kept.history,
        gates=kept.gates,
        facts=kept.facts,
    )


def _file_name(index: int, file: KeptFile) -> str:
    return f"{index}.{file.format}"
