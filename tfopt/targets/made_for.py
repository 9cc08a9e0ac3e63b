"""A file that is made for a target: settings that the target needs, and what it then runs of the file."""

from dataclasses import replace

from tfopt.config.fields import Config
from tfopt.core.result import Result
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import GateResult
from tfopt.runtime.progress import Progress
from tfopt.targets.target import Target
from tfopt.typing import Options

WRONG = ("no", "partly", "unknown")


def settings_for(target: Target, config: Config) -> Config:
    """Return a config with what a target needs where that was left open.

    It is one sample at a time, and integers from end to end if the target computes in them.

    >>> from tfopt.targets.registry import find_target
    >>> from tfopt.techniques.quantization.config import QuantizeConfig
    >>> found = settings_for(find_target("edgetpu"), QuantizeConfig(batch=4))
    >>> found.batch, found.io, found.full_integer
    (4, 'int8', True)
    """
    needed: Options = {"batch": 1}
    if target.numbers == "integer" and getattr(config, "precision", "int8") == "int8":
        needed |= {"io": "int8", "full_integer": True}
    given = config.model_dump(exclude_unset=True)
    fields = {name: value for name, value in needed.items() if name in type(config).model_fields}
    return type(config).model_validate(fields | given)


def held_to(target: Target, result: Result, progress: Progress) -> Result:
    """Return a result whose report says what a target runs of the file; that it does not run is a limit that is broken.

    Args:
        target: The target.
        result: A `.tflite` file with its report.
        progress: Shows how far the work is.

    Raises:
        TfoptError: If the target cannot tell.
    """
    file = result.artifact
    assert isinstance(file, TfliteArtifact)
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
