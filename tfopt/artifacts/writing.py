"""Nothing lost: files are written under temporary names beside their destinations and renamed when all are whole.

While a command works it holds a lock beside its output, so that of two that would write the same one gives up at once.
A process that is killed leaves at most hidden files, which the next one with that output removes.
"""

import contextlib
import errno
import glob
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import OutputError
from tfopt.locks import locked

if TYPE_CHECKING:
    from tfopt.report.report import Report

WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)  # what file systems say that have no hard links
LONGEST = 200  # bytes of a name that leave room for what is added; file systems hold 255


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
        contents = {**dict(zip(self.beside, beside, strict=True)), self.path: payload}
        contents[self.report_path] = (report.model_dump_json(indent=2) + "\n").encode()
        write_all(contents, force=self.force)
        return report

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here while the context lasts; raise `OutputError` if one does."""
        with contextlib.ExitStack() as stack:
            for path in sorted(self.written):
                taken = f"another process is writing {path}; wait for it, or use -o for another name"
                stack.enter_context(locked(path.with_name(f"{_hidden(path)}.lock"), taken))
            for path in (*self.written, self.report_path):
                _refuse(path, self.force)
                for left in path.parent.glob(f"{glob.escape(_hidden(path))}.{'[0-9a-f]' * 8}.tmp"):
                    left.unlink(missing_ok=True)  # of a process that was killed
            yield


def write(path: Path, payload: bytes, *, force: bool) -> Path:
    """Write `payload` so that at any moment `path` is what it was or whole; raise `OutputError` if it cannot be."""
    write_all({path: payload}, force=force)
    return path


def write_all(contents: Mapping[Path, bytes], *, force: bool) -> None:
    """Write several files as `write` does one; where one cannot be written, none is put in place."""
    for path in contents:
        _refuse(path, force)
    temporaries = {path: _temporary(path) for path in contents}
    path = next(iter(contents))
    put: list[Path] = []
    try:
        for path, payload in contents.items():
            with temporaries[path].open("wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            if force:
                temporary.replace(path)
            else:
                _rename_unless_there(temporary, path)
                put.append(path)
    except OutputError:
        for path in put:
            path.unlink(missing_ok=True)
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)


def _rename_unless_there(temporary: Path, path: Path) -> None:
    """Rename, but leave a file alone that another process put there meanwhile."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise OutputError(_exists(path)) from None
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
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
    return path.with_name(f"{_hidden(path)}.{secrets.token_hex(4)}.tmp")


def _hidden(path: Path) -> str:
    """Beginning of the names of hidden files for `path`, as long as it may be."""
    whole = os.fsencode(path.name)
    return f".{path.name}" if len(whole) <= LONGEST else f".{hashlib.sha256(whole).hexdigest()[:16]}"
