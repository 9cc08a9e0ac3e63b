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


LONGEST = 300.0


def taken(*arguments, folder: Path, **options) -> Taken:
    """Run Python with these arguments and look at it every 20 milliseconds."""
    began, size = time.monotonic(), 0
    command = [sys.executable, *map(str, arguments)]
    with (folder / "err").open("w") as err:
        running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=err, **options)
        while running.poll() is None:
            size = max(size, held(running.pid))
            if time.monotonic() - began > LONGEST:
                running.kill()
            time.sleep(0.02)
    return Taken(running.returncode, time.monotonic() - began, size, (folder / "err").read_text())


def held(pid: int) -> int:
    """Bytes that a process and its children hold at this moment; of one that has held more by itself, that."""
    try:
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return 0
    now, most = (int(status.get(key, "0 kB").split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return max(most, now + sum(map(held, children)))
