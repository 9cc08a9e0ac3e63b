"""A `.tflite` file in the form in which a target stores it: with tables, or compiled."""

from pathlib import Path

from tfopt.conversion.config import PackConfig
from tfopt.formats.paths import check_tflite_path
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.layout import bytes_by_kind
from tfopt.report.packing import PackedFile
from tfopt.report.schema import GateResult
from tfopt.runtime.progress import Progress
from tfopt.targets.registry import find_target


def store(path: Path, target: str, config: PackConfig, progress: Progress) -> tuple[bytes, PackedFile]:
    """Return the bytes of a file as a target stores it, and what there is to say of them.

    Args:
        path: A `.tflite` file.
        target: The name of the target.
        config: The most bytes that it may take.
        progress: Shows how far the work is.

    Raises:
        InputError: If there is no such target, or its package is not installed.
        UnsupportedError: If the target has no form of its own, or the file cannot be stored in it.
    """
    file = TfliteArtifact.load(check_tflite_path(path))
    made = find_target(target).stored(file, progress)
    size = len(made.payload)
    gates: tuple[GateResult, ...] = ()
    if config.max_size is not None:
        passed = size <= config.max_size
        gates = (GateResult(gate="max-size", name=file.name, limit=config.max_size, found=size, passed=passed),)
    before, after = bytes_by_kind(file.payload), bytes_by_kind(made.payload)
    return made.payload, PackedFile(name=file.name, before=before, after=after, gates=gates, told=tuple(made.notes))
