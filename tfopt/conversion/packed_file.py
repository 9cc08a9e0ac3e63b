"""Packing of an artifact: the packed file takes the place of the other when it was seen to answer the same."""

from copy import copy
from dataclasses import dataclass
from pathlib import Path

from tfopt.conversion.config import PackConfig
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.paths import check_tflite_path
from tfopt.formats.tflite.agreement import check_agreement
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.layout import bytes_by_kind
from tfopt.formats.tflite.packing import packed
from tfopt.report.packing import PackedFile
from tfopt.report.schema import GateResult
from tfopt.runtime.progress import Progress, Silent


@dataclass(frozen=True)
class Packed:
    """Holds a packed file, and what its bytes are for."""

    artifact: TfliteArtifact
    report: PackedFile


def pack(
    model: str | Path | TfliteArtifact, config: PackConfig | None = None, *, progress: Progress | None = None
) -> Packed:
    """Leave out of a `.tflite` file what no runtime reads, and store once what is there several times.

    Args:
        model: A path, of whatever producer, or an artifact, which is left alone.
        config: Whether names are kept, and how large the result may be.
        progress: Shows how far the work is.

    Returns:
        The packed file, which answers bit by bit as the other does. One with something that is not known here is
        returned as it is, and the report says so.

    Raises:
        InputError: It is no `.tflite` file, or LiteRT cannot run it.
    """
    config, progress = config or PackConfig(), progress or Silent()
    if not isinstance(model, str | Path | TfliteArtifact):
        raise InputError(f"`model` must be the path of a .tflite file or its artifact, not {type(model).__name__}")
    if type(config) is not PackConfig:
        raise InputError(f"`config` must be a PackConfig, not {type(config).__name__}")
    with progress.task("packing", None):
        artifact = copy(model) if isinstance(model, TfliteArtifact) else TfliteArtifact.load(check_tflite_path(model))
        report = pack_artifact(artifact, keep_names=config.keep_names, apart=not isinstance(model, TfliteArtifact))
    if config.max_size is None:
        return Packed(artifact, report)
    size = len(artifact.payload)
    held = GateResult(
        gate="max-size", name=artifact.name, limit=config.max_size, found=size, passed=size <= config.max_size
    )
    return Packed(artifact, report.model_copy(update={"gates": (held,)}))


def pack_artifact(artifact: TfliteArtifact, *, keep_names: bool, apart: bool = False) -> PackedFile:
    """Let an artifact hold the packed file, if that is smaller and answers the same.

    Args:
        artifact: The artifact, which is changed.
        keep_names: Whether all tensors keep their names.
        apart: Whether both files run in another process, as those of strangers do.

    Returns:
        What its bytes are for, before and after, or why it was left as it is.
    """
    before = bytes_by_kind(artifact.payload)
    unpacked = PackedFile(name=artifact.name, before=before, after=before)
    try:
        smaller = packed(artifact.payload, keep_names=keep_names)
        if len(smaller) >= len(artifact.payload):
            raise UnsupportedError("nothing can be left out")
        agreed = check_agreement(artifact.payload, smaller, apart=apart)
    except (UnsupportedError, InputError) as error:
        return unpacked.model_copy(update={"left": str(error)})
    artifact.payload = smaller
    return unpacked.model_copy(update={"after": bytes_by_kind(smaller), "agreed": agreed})
