"""A model that is made for a target has the settings that the target needs, and is told what it runs of the file."""

from dataclasses import replace

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.core.result import Result
from tfopt.core.technique import AnyTechnique
from tfopt.errors import InputError
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import GateResult
from tfopt.runtime.progress import Progress
from tfopt.targets.target import Target

WRONG = ("no", "partly", "unknown")


def settings_for(target: Target, one: AnyTechnique, config: Config) -> Config:
    """Return the config of a technique with what a target needs where that was left open.

    Files take one sample at a time, and are integers from end to end if the target computes in them.

    Raises:
        InputError: If the target cannot use what the technique makes, or decides nothing about it.

    >>> from tfopt.core.registry import technique
    >>> from tfopt.targets.registry import find_target
    >>> quantize = technique("quantize")
    >>> found = settings_for(find_target("edgetpu"), quantize, quantize.config(batch=4))
    >>> found.batch, found.io, found.full_integer
    (4, 'int8', True)
    """
    needed = dict(target.suited.get(one.name, {}))
    if isinstance(config, FloatConfig) and target.numbers == "integer":
        raise InputError(f"{target.name} computes in integers, which `tfopt quantize` makes: leave `made_for` out")
    if one.gives == "tflite":
        needed["batch"] = 1
        if target.numbers == "integer" and getattr(config, "precision", "int8") == "int8":
            needed |= {"io": "int8", "full_integer": True}
    elif not needed:
        raise InputError(f"{target.name} decides no option of `{one.name}`: leave `made_for` out")
    given = config.model_dump(exclude_unset=True)
    fields = {name: value for name, value in needed.items() if name in type(config).model_fields}
    return type(config).model_validate(fields | given)


def made_for_target(target: Target, one: AnyTechnique, result: Result, progress: Progress) -> Result:
    """Return a result whose report says what a target decided and how to go on, or what it runs of a file.

    Args:
        target: The target.
        one: The technique that made the result.
        result: A model with its report.
        progress: Shows how far the work is.

    Raises:
        TfoptError: If the target cannot tell what it runs.
    """
    if isinstance(result.artifact, TfliteArtifact):
        return _held_to(target, result.artifact, result, progress)
    asked = target.suited[one.name].items()
    options = " and ".join(f"`{name}`" if value is True else f"`{name}` {value}" for name, value in asked)
    note = f"for {target.name}, unless asked otherwise: {options}; `tfopt quantize --for {target.name}` makes its file"
    return replace(result, report=result.report.with_notes([note]))


def _held_to(target: Target, file: TfliteArtifact, result: Result, progress: Progress) -> Result:
    """Say what the target runs of the file; that it does not run is a limit that is broken."""
    found = target.examine(file, progress)
    missing = [one for one in found.operations if one.support in WRONG]
    costs = {"flash": found.flash.value, "RAM": found.ram.value}
    told = ", ".join(f"{name} {value:,.0f} bytes" for name, value in costs.items() if value is not None)
    notes = [
        f"on {target.name} {len(found.operations) - len(missing)} of {len(found.operations)} operations run; {told}"
    ]
    notes += [f"{one.kind}: {one.reason}{f'; {one.fix}' if one.fix else ''}" for one in missing]
    gate = GateResult(
        gate="target",
        name=file.name,
        limit=0,
        found=sum(one.support == "no" for one in found.operations) or float(not found.runs),
        passed=found.runs,
    )
    report = result.report.model_copy(update={"gates": [*result.report.gates, gate]})
    return replace(result, report=report.with_notes(list(dict.fromkeys([*notes, *found.notes]))))
