"""The memory of a `.tflite` file of its making: a zip behind the model, as TensorFlow Lite's metadata tools have it.

The runtime reads the flatbuffer alone, which knows where its parts are, and never what follows; `unzip -p FILE
tfopt.json` shows it.
"""

import io
import zipfile

from pydantic import ConfigDict

from tfopt.errors import InputError
from tfopt.formats.paths import PROVENANCE_MEMBER as MEMBER
from tfopt.formats.paths import UNREADABLE
from tfopt.formats.provenance import Provenance, Step, read_provenance
from tfopt.untrusted.archives import check_members

# How the header of the member begins: deflated, without a date. A file that ends within the zip has that, too.
BEGINNING = b"PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00"
SIGNATURE = BEGINNING[:4]


class FileMetadata(Provenance):
    """The provenance of a file, and what a `.keras` file tells by its model.

    Attributes:
        inputs: The names of its inputs in the order in which they are fed; None is that of the file.
        probabilities: Whether a classifier gives such; None if that is not known.
    """

    model_config = ConfigDict(frozen=True)

    inputs: tuple[str, ...] | None = None
    probabilities: bool | None = None


def with_metadata(payload: bytes, metadata: FileMetadata) -> bytes:
    """Return a file with these metadata, in place of those that it has; what is None is left out, to be short."""
    buffer = io.BytesIO()
    buffer.write(without_metadata(payload))
    text = metadata.model_copy(update={"history": tuple(map(_compact, metadata.history))}).model_dump_json(
        exclude_none=True
    )
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), text, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def without_metadata(payload: bytes) -> bytes:
    """Return the model alone, without metadata of tfopt behind it."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            members = archive.infolist()
    except UNREADABLE:
        return payload
    if [member.filename for member in members] != [MEMBER]:
        return payload
    return payload[: members[0].header_offset]


def read_metadata(payload: bytes, name: str) -> FileMetadata | None:
    """Read the metadata of a file, which may come from a stranger.

    Args:
        payload: The bytes of the file.
        name: What messages call it.

    Returns:
        None if it has none of tfopt.

    Raises:
        InputError: They are damaged or cut off, or nothing that tfopt writes.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(payload))
    except UNREADABLE:
        if _begins_metadata(payload):
            raise InputError(f"{name} is damaged or was cut off: what it remembers cannot be read") from None
        return None
    with archive:
        if MEMBER not in archive.namelist():
            return None
        check_members(archive, name, len(payload))
        try:
            return read_provenance(archive, name, FileMetadata)
        except UNREADABLE as error:
            raise InputError(f"{name}: its {MEMBER} is damaged: {error}") from error


def _begins_metadata(payload: bytes) -> bool:
    start = payload.rfind(SIGNATURE)
    return start >= 0 and BEGINNING.startswith(payload[start : start + len(BEGINNING)])


def _compact(step: Step) -> Step:
    return step.model_copy(update={"config": {key: value for key, value in step.config.items() if value is not None}})
