"""Memory that a file takes to load and to run once, measured in a process of its own (`python -m ... FILE THREADS`)."""

import os
import subprocess
import sys
from pathlib import Path

from tfopt.runtime.processes import command, environment

STATUS = Path("/proc/self/statm")


def added_bytes(path: Path, threads: int) -> int | None:
    """Bytes by which loading and one inference grow the resident memory of a fresh process; None if not on Linux."""
    started = command("tfopt.evaluation.memory", str(path), str(threads))
    ended = subprocess.run(started, capture_output=True, text=True, check=False, timeout=300, env=environment())
    return int(ended.stdout.split()[-1]) if ended.returncode == 0 and ended.stdout else None


def resident() -> int:
    """Bytes of memory that this process holds; 0 if not on Linux."""
    if not STATUS.exists():
        return 0
    return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _main(path: str, threads: int) -> None:
    from ai_edge_litert.interpreter import Interpreter

    before = resident()
    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.invoke()
    print(resident() - before)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
