"""TensorFlow Lite Micro's interpreter, which the package `tflite-micro` has as a Python module."""

from pathlib import Path
from typing import NamedTuple

from tfopt.errors import UnsupportedError
from tfopt.runtime.packages import installed
from tfopt.runtime.processes import ProcessError, run
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.typing import Json

TIME_LIMIT = 600.0
# Bytes of a structure on a core with pointers of 32 bits, by the sources of TensorFlow Lite Micro.
STRUCTURES = {
    "TfLiteEvalTensor data": 12,
    "Persistent TfLiteTensor data": 40,
    "NodeAndRegistration struct": 36,
}


def examined(payload: bytes, name: str, progress: Progress) -> Json:
    """Run a file in a child process (see `micro_process.examine`).

    Args:
        payload: The bytes of the file.
        name: What messages call it.
        progress: Shows how far the work is.

    Raises:
        InputError: If the package is not installed.
        UnsupportedError: If the interpreter crashes on the file.
    """
    found = _asked("micro_process:examine", payload, name, progress)
    assert isinstance(found, dict)
    return found


def arena_bytes(payload: bytes, name: str, progress: Progress) -> int | None:
    """Return the smallest arena, on a core of 64 bits, that holds a file's tensors; None if they cannot be allocated.

    Args and errors are those of `examined`.
    """
    found = _asked("micro_process:arena", payload, name, progress)
    assert found is None or isinstance(found, int)
    return found


class Tables(NamedTuple):
    """A file whose weights are indices into tables.

    Attributes:
        payload: Its bytes.
        tables: The number of tensors that have one.
        agreed: The number of random inputs on which it answered bit by bit as the other file.
        arenas: The smallest arena of the other file, and its own.
    """

    payload: bytes
    tables: int
    agreed: int
    arenas: tuple[int, int]


def with_tables(payload: bytes, name: str, progress: Progress) -> Tables:
    """Store weights of few distinct values as tables (see `micro_tables`).

    Args are those of `examined`.

    Raises:
        InputError: If the package is not installed.
        UnsupportedError: If no table is worth it, the file does not run, or it answers otherwise then.
    """
    with temporary_folder() as folder:
        found = _asked("micro_tables:write_tables", payload, name, progress, folder)
        assert isinstance(found, dict)
        if not found["tables"]:
            raise UnsupportedError(f"{name} has no 8-bit weights with so few distinct values that tables take less")
        if found["agreed"] < 0 or None in found["arenas"]:
            raise UnsupportedError(f"{name} would not answer bit by bit alike with tables in TensorFlow Lite Micro")
        made = (folder / "tables.tflite").read_bytes()
        return Tables(made, found["tables"], found["agreed"], tuple(found["arenas"]))


def _asked(function: str, payload: bytes, name: str, progress: Progress, folder: Path | None = None) -> object:
    installed("tflite-micro")
    if folder is None:
        with temporary_folder() as made:
            return _asked(function, payload, name, progress, made)
    path = folder / "model.tflite"
    path.write_bytes(payload)
    target = f"tfopt.formats.tflite.{function}"
    try:
        return run(target, str(path), progress=progress, environment={}, time_limit=TIME_LIMIT)
    except ProcessError as error:
        raise UnsupportedError(f"{name} crashes the interpreter of TensorFlow Lite Micro: {error}") from None


def tail_of_32_bits(tail: int, allocations: dict[str, list[int]]) -> int:
    """Estimate the tail of an arena where pointers have 32 bits.

    Args:
        tail: Its bytes with 64 bits.
        allocations: By kind the bytes and the number of structures.
    """
    saved = sum(size - STRUCTURES[kind] * count for kind, (size, count) in allocations.items() if kind in STRUCTURES)
    return tail - max(0, saved)
