"""Memory that a file takes to load and to run once, measured in a process of its own."""

import os
from pathlib import Path

from tfopt.errors import TfoptError
from tfopt.runtime.processes import run
from tfopt.runtime.progress import Progress

STATUS = Path("/proc/self/statm")
TIME_LIMIT = 300.0  # seconds


def added_bytes(path: Path, threads: int) -> int | None:
    """Measure by how many bytes loading and one inference grow the resident memory of a fresh process.

    Args:
        path: A `.tflite` file.
        threads: How many threads run it.

    Returns:
        The bytes; 0 where the system is not Linux, None if the file does not run.
    """
    try:
        found = run("tfopt.evaluation.memory:measure", str(path), threads, environment={}, time_limit=TIME_LIMIT)
    except TfoptError:
        return None
    return found if isinstance(found, int) else None


def resident() -> int:
    """Return the bytes of memory that this process holds; 0 if not on Linux."""
    if not STATUS.exists():
        return 0
    return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(_progress: Progress, path: str, threads: int) -> int:
    """Load and run a file once in this process, and return by how many bytes that has grown."""
    from ai_edge_litert.interpreter import Interpreter

    before = resident()
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.invoke()
    return resident() - before
