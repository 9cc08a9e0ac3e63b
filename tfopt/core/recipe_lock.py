"""A lock says what a run of a recipe had and gave: versions, seeds, hashes of inputs and outputs, figures of its gates.

It lies beside the recipe, `small.lock.json` beside `small.yaml`, and goes into version control with it. A later run is
held to it by `tfopt run --locked`: inputs and outputs to the byte, figures to their intervals. Versions are told only.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tfopt.core.hashes import file_hash, sha256
from tfopt.core.provenance import config_record
from tfopt.core.recipe import Recipe
from tfopt.errors import InputError, OutputError, TfoptError
from tfopt.formats.keras.custom_objects import source_hashes
from tfopt.formats.paths import location
from tfopt.report.schema import GateResult, LockCheck, Measurement, Report, package_versions
from tfopt.runtime.atomic_files import check_folder

ANSWER_GATES = ("max-drop", "max-error-growth")
SHOWN = 12  # digits of a hash that are told


class LockError(TfoptError):
    """A recipe is made from something else than its lock names: a limit that does not hold; `checks` say what."""

    exit_code = 1

    def __init__(self, sentence: str, checks: list[LockCheck]) -> None:
        super().__init__(sentence)
        self.checks = checks


class Figure(BaseModel):
    """The figure of a gate, and the interval in which that of a later run must lie."""

    model_config = ConfigDict(frozen=True)

    gate: str
    name: str
    split: Literal["validation", "test"]
    found: float
    low: float
    high: float


class Lock(BaseModel):
    """The content of a lock file; `inputs` and `outputs` have a sha256 by the name of each file."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    recipe: str
    versions: dict[str, str]
    seeds: dict[str, int]
    inputs: dict[str, str]
    outputs: dict[str, str]
    figures: list[Figure]

    @classmethod
    def read(cls, path: Path) -> "Lock":
        """Read a lock file.

        Raises:
            InputError: If there is none, or it is damaged.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise InputError(f"{path} does not exist: run the recipe without `locked` first") from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
        except ValidationError as error:
            raise InputError(f"{path} is damaged or from a newer tfopt ({error.error_count()} errors)") from error

    @property
    def payload(self) -> bytes:
        """The bytes of the file."""
        return (self.model_dump_json(indent=2) + "\n").encode()


def lock_path(recipe: Path) -> Path:
    """Return where the lock of a recipe lies."""
    return recipe.with_name(f"{recipe.stem}.lock.json")


def check_lock_path(path: Path, recipe: Path, *, force: bool) -> None:
    """Raise `OutputError` if the lock cannot be written, or something else is there than a lock of the recipe."""
    check_folder(path)
    if path.is_dir():
        raise OutputError(f"the lock {path} is a directory")
    if path.exists() and not force:
        with contextlib.suppress(InputError):
            if Lock.read(path).recipe == recipe.name:
                return
        raise OutputError(f"{path} exists and is no lock of {recipe.name}; use `force` to replace it")


def lock_of(
    path: Path, recipe: Recipe, inputs: Mapping[str, str], report: Report, outputs: Mapping[str, bytes]
) -> Lock:
    """Return the lock of a run of the recipe at `path`.

    Args:
        path: The recipe's file.
        recipe: The recipe.
        inputs: Their hashes before the run, as `inputs_of` gives them.
        report: The report of the run.
        outputs: The files that it gave, by their names.
    """
    steps = recipe.pipeline_steps()
    seeds = {
        f"{number}. {step.technique.name}": step.config.seed
        for number, step in enumerate(steps, 1)
        if hasattr(step.config, "seed")
    }
    data = {"data": report.data.fingerprint} if report.data else {}
    return Lock(
        recipe=path.name,
        versions=package_versions(),
        seeds=seeds,
        inputs={**inputs, **data},
        outputs={name: sha256(payload) for name, payload in outputs.items()},
        figures=[_figure(gate, report.measurements) for gate in report.gates],
    )


def inputs_of(recipe: Recipe) -> dict[str, str]:
    """Return the hashes of the recipe, of the files that it names but for the data, and of custom objects.

    Comments do not count, nor does where files lie.
    """
    steps = recipe.pipeline_steps()
    asked = [
        [[step.technique.name, config_record(step.config)] for step in steps],
        recipe.data and recipe.data.model_dump(mode="json", exclude={"source"}),
        recipe.gates.model_dump(mode="json"),
        recipe.outputs.model_dump(mode="json"),
    ]
    source = location(Path(recipe.source or ""))
    found = {"recipe": sha256(json.dumps(asked).encode()), f"source {source.name}": file_hash(source)}
    for number, step in enumerate(steps, 1):
        title = f"{number}. {step.technique.name}"
        found |= {f"{title}, {name} {path.name}": file_hash(path) for name, path in step.config.paths()}
    return found | {f"custom objects {name}": digest for name, digest in source_hashes().items()}


def check_inputs(lock: Lock, inputs: Mapping[str, str], path: Path) -> None:
    """Raise `LockError` if inputs are not those that the lock at `path` names."""
    locked = {name: digest for name, digest in lock.inputs.items() if name != "data"}  # is not loaded yet
    checks = _hashes("input", locked, inputs)
    wrong = [check for check in checks if not check.passed]
    if wrong:
        told = "; ".join(f"{one.name}: sha256 {one.found[:SHOWN]} instead of {one.locked[:SHOWN]}" for one in wrong)
        raise LockError(f"the inputs are not those of {path}: {told}", checks)


def check_run(lock: Lock, made: Lock) -> tuple[list[LockCheck], list[str]]:
    """Hold a run to a lock.

    Args:
        lock: What is to be.
        made: What the run would write.

    Returns:
        A check for each input, output and figure, and notes on other versions.
    """
    checks = [
        *_hashes("input", lock.inputs, made.inputs),
        *_hashes("output", lock.outputs, made.outputs),
        *_figures(lock.figures, made.figures),
    ]
    notes = [
        f"{name} is {made.versions.get(name, 'not there')} here and {version} in the lock"
        for name, version in lock.versions.items()
        if made.versions.get(name) != version
    ]
    return checks, notes


def _hashes(what: str, locked: Mapping[str, str], made: Mapping[str, str]) -> list[LockCheck]:
    return [
        LockCheck(
            what=what,
            name=name,
            locked=locked.get(name, "none"),
            found=made.get(name, "none"),
            passed=locked.get(name) == made.get(name),
        )
        for name in dict.fromkeys([*locked, *made])
    ]


def _figures(locked: Sequence[Figure], made: Sequence[Figure]) -> list[LockCheck]:
    """Compare the figures of gates in their order; one that only one side has does not pass."""
    checks = []
    for one, other in zip_longest(locked, made):
        this = one or other
        alike = one and other and (one.gate, one.name, one.split) == (other.gate, other.name, other.split)
        checks.append(
            LockCheck(
                what=f"{this.gate} on the {this.split} split" if this.gate in ANSWER_GATES else this.gate,
                name=this.name,
                locked=f"{one.found:g} ({one.low:g} to {one.high:g})" if one else "none",
                found=f"{other.found:g}" if other else "none",
                passed=bool(alike and one.low <= other.found <= one.high),
            )
        )
    return checks


def _figure(gate: GateResult, measurements: Sequence[Measurement]) -> Figure:
    """Return the figure of a gate, with the interval of what was measured.

    A size has none, and neither has what a technique has chosen by on the validation split, or an error of too few
    independent samples: these must be the same.
    """
    below = above = 0.0
    measured = next((one for one in reversed(measurements) if one.name == gate.name), None)
    if gate.gate in ANSWER_GATES and gate.split == "test" and measured:
        if measured.accuracy:
            below = measured.accuracy.high - measured.accuracy.value  # a higher accuracy is a smaller drop
            above = measured.accuracy.value - measured.accuracy.low
        elif (d := measured.deviation) and d.mae and d.low is not None and d.high is not None:
            below, above = (d.mae - d.low) / d.mae, (d.high - d.mae) / d.mae
    low, high = gate.found - below, gate.found + above
    return Figure(gate=gate.gate, name=gate.name, split=gate.split, found=gate.found, low=low, high=high)
