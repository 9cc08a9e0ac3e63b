"""Files are written under temporary names beside their destinations and renamed when all are whole.

So a path holds what it held before or the whole of what is new, at any moment, even if the process is killed.
"""

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from tfopt.errors import OutputError

NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)  # what file systems say that have none
MAX_NAME_BYTES = 200  # leaves room for what is added; file systems hold 255


def write_file(path: Path, payload: bytes, *, force: bool) -> Path:
    """Write `payload` so that at any moment `path` is what it was or whole.

    Args:
        path: The file to write, in a folder that exists.
        payload: All its bytes.
        force: Replace a file that is there already.

    Returns:
        The same path.

    Raises:
        OutputError: `path` exists and `force` is not given, or it cannot be written.
    """
    write_files({path: payload}, force=force)
    return path


def write_files(contents: Mapping[Path, bytes], *, force: bool) -> None:
    """Write several files as `write_file` does one; where one cannot be written, none is put in place."""
    for path in contents:
        check_destination(path, force)
    temporaries = {path: temporary_name(path) for path in contents}
    path = next(iter(contents))
    placed: list[Path] = []
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
                placed.append(path)
    except OutputError:
        for path in placed:
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
        if error.errno not in NO_HARD_LINKS:
            raise
        temporary.replace(path)


def check_destination(path: Path, force: bool) -> None:
    """Raise `OutputError` if `path` is a directory, or is there already and not to be replaced."""
    if path.is_dir():
        raise OutputError(f"the output {path} is a directory")
    if path.exists() and not force:
        raise OutputError(_exists(path))


def check_distinct(written: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise `OutputError` if two files that are to be written are one, or one of them is an input."""
    sources = {path.resolve() for path in inputs}
    seen: set[Path] = set()
    for path in written:
        place = path.resolve()
        if place in sources:
            raise OutputError(f"the output {path} is the input itself; give another name with -o")
        if place in seen:
            raise OutputError(f"{path} is asked for twice; give each file a name of its own")
        seen.add(place)


def check_folder(path: Path) -> None:
    """Raise `OutputError` if the folder of `path` is not there or cannot be written into."""
    if not path.parent.is_dir():
        raise OutputError(f"the folder {path.parent} does not exist")
    temporary = temporary_name(path)
    try:
        temporary.touch()
    except OSError as error:
        raise OutputError(f"cannot write into {path.parent}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _exists(path: Path) -> str:
    return f"{path} exists; use `force` to replace it or `output` for another name"


def temporary_name(path: Path) -> Path:
    """Return a hidden name beside `path` that nobody else uses."""
    return path.with_name(f"{hidden_name(path)}.{secrets.token_hex(4)}.tmp")


def hidden_name(path: Path) -> str:
    """Return the beginning of the names of hidden files for `path`, shortened if it would be too long."""
    whole = os.fsencode(path.name)
    return f".{path.name}" if len(whole) <= MAX_NAME_BYTES else f".{hashlib.sha256(whole).hexdigest()[:16]}"
