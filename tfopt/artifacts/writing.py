"""Nothing lost: a file is written under a temporary name beside its destination and renamed when it is whole."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import OutputError

if TYPE_CHECKING:
    from tfopt.report.report import Report


class Destination:
    """A path that a result will be written to, checked before the work begins; `beside` are suffixes of more files."""

    def __init__(
        self,
        path: str | Path,
        *,
        suffix: str,
        force: bool = False,
        inputs: Iterable[Path] = (),
        beside: Iterable[str] = (),
    ) -> None:
        self.path = Path(path)
        self.force = force
        self.beside = [self.path.with_suffix(more) for more in beside]
        if self.path.suffix != suffix:
            raise OutputError(f"the output {self.path} must end in {suffix}")
        for source in inputs:
            for path in self.written:
                if path.resolve() == source.resolve():
                    raise OutputError(f"the output {path} is the input itself; give another name with -o")
        for path in (*self.written, self.report_path):
            _refuse(path, force)
        _try_folder(self.path)

    @property
    def report_path(self) -> Path:
        """Where the report of this output goes."""
        return self.path.with_name(self.path.name + ".report.json")

    @property
    def written(self) -> list[Path]:
        """The files that `save` writes, but for the report."""
        return [self.path, *self.beside]

    def save(self, payload: bytes, report: "Report", beside: Iterable[bytes] = ()) -> "Report":
        """Write the artifact, what goes beside it and the report, each atomically; return the report with the path."""
        report = report.model_copy(update={"output": str(self.path)})
        for path, content in zip(self.beside, beside, strict=True):
            write(path, content, force=self.force)
        write(self.path, payload, force=self.force)
        write(self.report_path, (report.model_dump_json(indent=2) + "\n").encode(), force=True)
        return report


def write(path: Path, payload: bytes, *, force: bool) -> Path:
    """Write `payload` so that at any moment `path` is what it was or whole; raise `OutputError` if it cannot be."""
    _refuse(path, force)
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            _rename_unless_there(temporary, path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _rename_unless_there(temporary: Path, path: Path) -> None:
    """Rename, but leave a file alone that another process put there meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise OutputError(_exists(path)) from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


def _refuse(path: Path, force: bool) -> None:
    if path.is_dir():
        raise OutputError(f"the output {path} is a directory")
    if path.exists() and not force:
        raise OutputError(_exists(path))


def _exists(path: Path) -> str:
    return f"{path} exists; use --force to replace it or -o for another name"


def _try_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist")
    temporary = _temporary(path)
    try:
        temporary.touch()
    except OSError as error:
        raise OutputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.tmp")
