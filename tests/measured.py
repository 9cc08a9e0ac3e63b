"""What a command took: run in a process of its own, the most memory that it and those that it starts have held."""

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Taken(NamedTuple):
    """Exit code, seconds, bytes and the error output of a command."""

    code: int
    seconds: float
    size: int
    err: str


def taken(*arguments, folder: Path, **options) -> Taken:
    """Run a command line and look at it every 20 milliseconds."""
    began, size = time.monotonic(), 0
    command = [sys.executable, "-m", "tfopt", *map(str, arguments)]
    with (folder / "err").open("w") as err:
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=err, **options)
        while running.poll() is None:
            size = max(size, held(running.pid))
            time.sleep(0.02)
    return Taken(running.returncode, time.monotonic() - began, size, (folder / "err").read_text())


def held(pid: int) -> int:
    """Bytes that a process and its children hold at this moment."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    own = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS")]
    return sum(own) + sum(map(held, children))
