"""A lock says what a run of a recipe had and gave: versions, seeds, hashes of inputs and outputs, figures of its gates.

It lies beside the recipe, `small.lock.json` beside `small.yaml`, and goes into version control with it. A later run is
held to it by `tfopt run --locked`: inputs and outputs to the byte, figures to their intervals. Versions are told only.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tfopt.core.recipe import Recipe
from tfopt.core.run_folder import file_hash, sha256
from tfopt.errors import InputError, TfoptError
from tfopt.report.schema import GateResult, LockCheck, Measurement, Report, package_versions

SHOWN = 12  # digits of a hash that are told


class LockError(TfoptError):
    """A recipe is made from something else than its lock names: a limit that does not hold."""

    exit_code = 1


class Figure(BaseModel):
    """The figure of a gate, and the interval in which that of a later run must lie."""

    model_config = ConfigDict(frozen=True)

    gate: str
    name: str
    found: float
    low: float
    high: float


class Lock(BaseModel):
    """The content of a lock file; `inputs` and `outputs` have a sha256 by the name of each file."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
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


def lock_of(recipe: Recipe, report: Report, outputs: Mapping[str, bytes]) -> Lock:
    """Return the lock of a run that gave `outputs`, by their names, and `report`."""
    steps = recipe.pipeline_steps()
    seeds = {
        f"{number}. {step.technique.name}": step.config.seed
        for number, step in enumerate(steps, 1)
        if hasattr(step.config, "seed")
    }
    inputs = inputs_of(recipe)
    if report.data:
        inputs["data"] = report.data.fingerprint
    return Lock(
        versions=package_versions(),
        seeds=seeds,
        inputs=inputs,
        outputs={name: sha256(payload) for name, payload in outputs.items()},
        figures=[_figure(gate, report.measurements) for gate in report.gates],
    )


def inputs_of(recipe: Recipe) -> dict[str, str]:
    """Return the hashes of the recipe, without its comments, and of the files that it names, but for the data."""
    files = [Path(recipe.source or "")]
    files += [value for step in recipe.pipeline_steps() for _, value in step.config if isinstance(value, Path)]
    asked = recipe.model_dump_json(exclude={"source": True, "data": {"source"}})
    return {"recipe": sha256(asked.encode())} | {path.name: file_hash(path) for path in files}


def check_inputs(lock: Lock, recipe: Recipe, path: Path) -> None:
    """Raise `LockError` if an input is not the one that `path` names."""
    for name, found in inputs_of(recipe).items():
        locked = lock.inputs.get(name)
        if found != locked:
            was = f"{locked[:SHOWN]}..." if locked else "none"
            raise LockError(f"{path}: {name} is not what was locked: sha256 {found[:SHOWN]}... instead of {was}")


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
    found = {(one.gate, one.name): one.found for one in made}
    checks = []
    for one in locked:
        value = found.get((one.gate, one.name))
        within = value is not None and one.low <= value <= one.high
        interval = f"{one.found:g} ({one.low:g} to {one.high:g})"
        told = "none" if value is None else f"{value:g}"
        checks.append(LockCheck(what=one.gate, name=one.name, locked=interval, found=told, passed=within))
    return checks


def _figure(gate: GateResult, measurements: Sequence[Measurement]) -> Figure:
    """Return the figure of a gate, with the interval of what was measured; a size has none."""
    below = above = 0.0
    measured = next((one for one in measurements if one.name == gate.name), None)
    if gate.gate == "max-drop" and measured:
        if measured.accuracy:
            below = measured.accuracy.high - measured.accuracy.value  # a higher accuracy is a smaller drop
            above = measured.accuracy.value - measured.accuracy.low
        elif measured.deviation and measured.deviation.mae:
            below = (measured.deviation.mae - measured.deviation.low) / measured.deviation.mae
            above = (measured.deviation.high - measured.deviation.mae) / measured.deviation.mae
    return Figure(gate=gate.gate, name=gate.name, found=gate.found, low=gate.found - below, high=gate.found + above)
