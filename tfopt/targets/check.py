"""A check says what a target can run of a model, what that costs there, and whether it is within the limits.

A Keras model is converted first to what the target takes: floats, or integers from end to end, a sample at a time.
"""

from pathlib import Path

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.conversion.packed_file import pack_artifact
from tfopt.core.context import Context
from tfopt.core.provenance import DataLike, data_for
from tfopt.core.registry import technique_of
from tfopt.errors import InputError
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.lifetimes import bytes_alive, lifetimes
from tfopt.report.schema import GateResult, package_versions
from tfopt.report.target_fit import LiveTensor, MemoryOverTime, TargetFigure, TargetReport
from tfopt.runtime.process_state import preserved
from tfopt.runtime.processes import started_ahead
from tfopt.runtime.progress import Progress, Silent
from tfopt.targets.config import CheckConfig
from tfopt.targets.registry import find_target
from tfopt.targets.target import Examined, Target
from tfopt.targets.target_file import DescribedTarget
from tfopt.techniques.quantization.config import QuantizeConfig


@preserved()
def check(
    model: ModelLike,
    config: CheckConfig | None = None,
    data: DataLike | None = None,
    *,
    progress: Progress | None = None,
) -> TargetReport:
    """Say which operations of a model a target runs, what it costs there, and whether that is within the limits.

    Args:
        model: A `.tflite` file or its artifact, or a Keras model, which is converted to what the target takes.
        config: Names the target and its limits.
        data: What a Keras model is calibrated on; None for what it remembers.
        progress: Shows how far the work is.

    Raises:
        InputError: If there is no such target, or its package is not installed.
        TfoptError: If the model cannot be converted or examined.
    """
    config, progress = config or CheckConfig(), progress or Silent()
    if type(config) is not CheckConfig:
        raise InputError(f"`config` must be a CheckConfig, not {type(config).__name__}")
    artifact = load(model)
    target = find_target(config.target)
    source = target.source()
    file, notes = _file_for(target, artifact, data, progress)
    found = target.examine(file, progress)
    return TargetReport(
        name=file.name,
        target=target.name,
        source=source,
        runs=found.runs,
        operations=found.operations,
        flash=found.flash,
        ram=found.ram,
        milliseconds=found.milliseconds,
        details=dict(found.details),
        memory=_memory(file.model_bytes),
        gates=_gates(file.name, config, found, target),
        notes=[*notes, *found.notes, *_unknown(config, found)],
        versions=package_versions(),
    )


def _file_for(
    target: Target, artifact: Artifact, data: DataLike | None, progress: Progress
) -> tuple[TfliteArtifact, list[str]]:
    """Return the file that is examined, and how it was made."""
    if isinstance(artifact, TfliteArtifact):
        if data is not None:
            raise InputError(f"`data` is of no use: {artifact.name} is converted already")
        return artifact, []
    if target.numbers == "float" and data is not None:
        raise InputError(f"`data` is of no use: {target.name} takes floats, which are not calibrated")
    assert isinstance(artifact, KerasArtifact)
    wanted: Config = FloatConfig(batch=1)
    how = "a float file of one sample at a time"
    if target.numbers == "integer":
        wanted, how = QuantizeConfig(io="int8", batch=1), "a file of 8-bit integers from end to end, a sample at a time"
    technique = technique_of(wanted)
    dataset, notes = data_for(artifact, data, progress) if target.numbers == "integer" else (None, [])
    context = Context.of(dataset, progress)
    technique.check(artifact, wanted, context)
    with started_ahead(*technique.children):
        made = technique.apply(artifact, wanted, context).artifact
    assert isinstance(made, TfliteArtifact)
    made.name = technique.output_name(Path(artifact.name).stem, wanted)
    pack_artifact(made, keep_names=False)
    return made, [*notes, f"{artifact.name} was converted to {how}, which was not written"]


def _memory(payload: bytes) -> MemoryOverTime | None:
    found = lifetimes(payload)
    alive = bytes_alive(found)
    peak = int(alive.argmax())
    there = sorted((life for life in found if life.birth <= peak <= life.death), key=lambda life: -life.bytes)
    return MemoryOverTime(
        alive=alive.tolist(),
        peak=peak,
        tensors=[LiveTensor(name=one.name, type=one.type, shape=list(one.shape), bytes=one.bytes) for one in there],
    )


def _gates(name: str, config: CheckConfig, found: Examined, target: Target) -> list[GateResult]:
    """Hold what is known to the limits of the config, or to those that the file of a target has."""
    own = target.described if isinstance(target, DescribedTarget) else None
    limits: list[tuple[str, float | None, TargetFigure]] = [
        ("flash", config.flash or (own.flash if own else None), found.flash),
        ("ram", config.ram or (own.ram if own else None), found.ram),
        ("max-ms", config.max_ms, found.milliseconds),
    ]
    return [
        GateResult(gate=gate, name=name, limit=limit, found=figure.value, passed=figure.value <= limit)
        for gate, limit, figure in limits
        if limit is not None and figure.value is not None
    ]


def _unknown(config: CheckConfig, found: Examined) -> list[str]:
    """Refuse to hold limits to what is not known, in notes if the file does not run anyway."""
    limits = {"flash": found.flash, "ram": found.ram, "max_ms": found.milliseconds}
    missing = [name for name, figure in limits.items() if getattr(config, name) is not None and figure.value is None]
    if missing and found.runs:
        raise InputError(f"`{missing[0]}` cannot be held to: {limits[missing[0]].how}")
    return [f"`{name}` was not held to: the file does not run" for name in missing]
