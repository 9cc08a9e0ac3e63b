"""The provenance of a model: on which data and by which commands it was made.

It is kept in a member `tfopt.json` of the `.keras` zip, which Keras itself ignores, or of one behind a `.tflite` model.
"""

import contextlib
import io
import os
import zipfile
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tfopt.config.choices import Task
from tfopt.data.config import DataConfig
from tfopt.data.fed_values import FedValues
from tfopt.data.preprocessing import Preprocessor
from tfopt.errors import InputError
from tfopt.formats.paths import PROVENANCE_MEMBER
from tfopt.typing import Json
from tfopt.untrusted.archives import read_member

MAX_BYTES = 10_000_000
ZIP_ENTRY = 30 + 46  # bytes of the header of a member and of its entry in the directory, without its name


class Step(BaseModel):
    """One command of the model's history and the config it ran with."""

    model_config = ConfigDict(frozen=True)

    command: str
    config: Json
    tfopt: str


class Provenance(Preprocessor):
    """The data and the commands that a model was made with: enough to load the same splits, prepared the same way.

    Attributes:
        format: The version of this format.
        data: Where the data come from; None if they are not known.
        task: What the model is for.
        num_classes: The number of classes it tells apart.
        columns: The columns of a table that are its inputs.
        fingerprint: A hash of the data, to notice when they have changed.
        fed: The values that it was fed in its training, to notice data on another scale.
        threshold: The reconstruction error above which a sample is called anomalous.
        history: The commands that made it, in order.
    """

    format: Literal[1] = 1
    data: DataConfig | None = None
    task: Task = "classification"
    num_classes: int | None = None
    columns: tuple[str, ...] | None = None
    fingerprint: str | None = None
    fed: FedValues | None = None
    threshold: float | None = None
    history: tuple[Step, ...] = ()

    @property
    def prepares(self) -> bool:
        """Tell whether it says how inputs are prepared."""
        return bool(self.data or self.tokenizer or self.scaling)

    def parts(self) -> list[str]:
        """Return what it holds, in words.

        >>> Provenance(class_names=("cat", "dog"), history=(Step(command="train", config={}, tfopt="0.1"),)).parts()
        ['labels', 'history']
        """
        held = {
            "data": self.data, "scaling": self.scaling or self.targets, "vocabulary": self.vectorizer or self.tokenizer,
            "log-mel": self.log_mel, "labels": self.class_names, "history": self.history,
        }  # fmt: skip
        return [name for name, value in held.items() if value]

    def beside(self, folder: Path) -> Self:
        """Return it as it is written into a file in `folder`: with the way from there to data that lie near.

        Near is below the folder, or beside it; data elsewhere keep their whole path.
        """
        path = self.data.path if self.data else None
        if path is None or not path.is_absolute():
            return self
        with contextlib.suppress(ValueError):  # on another drive
            way = Path(os.path.relpath(path, folder.resolve()))
            if way.parts[:2] != ("..", ".."):
                return self._at(f"{'' if '..' in way.parts else './'}{way.as_posix()}")
        return self

    def found_in(self, folder: Path) -> Self:
        """Return it with the whole path of data, as it was read from a file in `folder`."""
        path = self.data.path if self.data else None
        return self if path is None or path.is_absolute() else self._at(str((folder / path).resolve()))

    def _at(self, source: str) -> Self:
        assert self.data is not None
        return self.model_copy(update={"data": self.data.model_copy(update={"source": source})})

    def inputs_only(self) -> "Provenance":
        """Return what it says of the inputs alone: how samples are prepared, not what their labels are."""
        return Provenance(
            scaling=self.scaling, vectorizer=self.vectorizer, tokenizer=self.tokenizer, resizing=self.resizing,
            log_mel=self.log_mel,
        )  # fmt: skip

    def then(self, step: Step) -> "Provenance":
        """Return the provenance of a model made from this one by `step`."""
        return self.model_copy(update={"history": (*self.history, step)})


def home_of(path: Path, provenance: Provenance | None) -> Path:
    """Return the folder from which the data of a file are found: where it lies, and if they are not there, its link."""
    home = path.resolve().parent
    data = provenance.found_in(home).data if provenance else None
    there = data is None or data.path is None or data.path.exists()
    return home if there else path.parent


P = TypeVar("P", bound=Provenance)


def read_provenance(archive: zipfile.ZipFile, name: str, kind: type[P]) -> P | None:
    """Read the member from an open zip.

    Args:
        archive: The zip.
        name: What messages call the model.
        kind: What is read.

    Returns:
        None if tfopt did not write the file.

    Raises:
        InputError: The member is too large, damaged, or from a newer tfopt.
    """
    try:
        info = archive.getinfo(PROVENANCE_MEMBER)
    except KeyError:
        return None
    if info.file_size > MAX_BYTES:
        raise InputError(f"{name}: its {PROVENANCE_MEMBER} has {info.file_size:,} bytes, which tfopt never writes")
    try:
        return kind.model_validate_json(read_member(archive, PROVENANCE_MEMBER))
    except ValidationError as error:
        raise InputError(
            f"{name}: its {PROVENANCE_MEMBER} is damaged or from a newer tfopt ({error.error_count()} errors)"
        ) from error


def attach_provenance(path: Path, provenance: Provenance, folder: Path) -> None:
    """Add `provenance` to a `.keras` file that is to lie in `folder`, as a further member."""
    with zipfile.ZipFile(path, "a") as archive:
        _write(archive, provenance.beside(folder))


def stored_bytes(path: Path) -> int:
    """Return the bytes that the member takes of a `.keras` file; 0 if there is none."""
    with zipfile.ZipFile(path) as archive:
        found = [info for info in archive.infolist() if info.filename == PROVENANCE_MEMBER]
    return sum(info.compress_size + ZIP_ENTRY + 2 * len(PROVENANCE_MEMBER) for info in found)


def moved(payload: bytes, provenance: Provenance, folder: Path) -> bytes:
    """Return a `.keras` file that holds `provenance` as it is to lie in `folder`."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(payload)) as before, zipfile.ZipFile(made, "w", compresslevel=9) as after:
        for member in before.infolist():
            if member.filename != PROVENANCE_MEMBER:
                after.writestr(member, before.read(member))
    with zipfile.ZipFile(made, "a") as archive:
        _write(archive, provenance.beside(folder))
    return made.getvalue()


def _write(archive: zipfile.ZipFile, provenance: Provenance) -> None:
    archive.writestr(zipfile.ZipInfo(PROVENANCE_MEMBER), provenance.model_dump_json(indent=1), zipfile.ZIP_DEFLATED)
