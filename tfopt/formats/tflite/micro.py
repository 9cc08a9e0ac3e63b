"""TensorFlow Lite Micro's interpreter, which the package `tflite-micro` has as a Python module."""

import tempfile
from pathlib import Path

from tfopt.errors import UnsupportedError
from tfopt.runtime.packages import installed
from tfopt.runtime.processes import ProcessError, run
from tfopt.runtime.progress import Progress
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
    found = _asked("examine", payload, name, progress)
    assert isinstance(found, dict)
    return found


def arena_bytes(payload: bytes, name: str, progress: Progress) -> int | None:
    """Return the smallest arena, on a core of 64 bits, that holds a file's tensors; None if they cannot be allocated.

    Args and errors are those of `examined`.
    """
    found = _asked("arena", payload, name, progress)
    assert found is None or isinstance(found, int)
    return found


def _asked(function: str, payload: bytes, name: str, progress: Progress) -> object:
    installed("tflite-micro")
    target = f"tfopt.formats.tflite.micro_process:{function}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(payload)
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
