"""Nothing lost: files are written under temporary names beside their destinations and renamed when all are whole."""

import errno
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tfopt.errors import OutputError

WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)  # what file systems say that have no hard links
LONGEST = 200  # bytes of a name that leave room for what is added; file systems hold 255


def write(path: Path, payload: bytes, *, force: bool) -> Path:
    """Write `payload` so that at any moment `path` is what it was or whole; raise `OutputError` if it cannot be."""
    write_all({path: payload}, force=force)
    return path


def write_all(contents: Mapping[Path, bytes], *, force: bool) -> None:
    """Write several files as `write` does one; where one cannot be written, none is put in place."""
    for path in contents:
        refuse(path, force)
    temporaries = {path: temporary_name(path) for path in contents}
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


def refuse(path: Path, force: bool) -> None:
    """Raise `OutputError` if `path` is a directory, or is there already and not to be replaced."""
    if path.is_dir():
        raise OutputError(f"the output {path} is a directory")
    if path.exists() and not force:
        raise OutputError(_exists(path))


def _exists(path: Path) -> str:
    return f"{path} exists; use --force to replace it or -o for another name"


def temporary_name(path: Path) -> Path:
    """Return a hidden name beside `path` that nobody else uses."""
    return path.with_name(f"{hidden_name(path)}.{secrets.token_hex(4)}.tmp")


def hidden_name(path: Path) -> str:
    """Beginning of the names of hidden files for `path`, as long as it may be."""
    whole = os.fsencode(path.name)
    return f".{path.name}" if len(whole) <= LONGEST else f".{hashlib.sha256(whole).hexdigest()[:16]}"
