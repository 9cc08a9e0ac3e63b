"""Processes that tfopt starts import the same tfopt, and nothing from the folder that they are started in.

`python -m` alone looks for modules in the current folder first: a file `numpy.py` that came with a model would run.
"""

import os
import signal
import sys
from pathlib import Path

HOME = str(Path(__file__).parents[2])  # where this tfopt was found


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of tfopt."""
    return [sys.executable, "-P", "-m", module, *arguments]


def death(code: int) -> str:
    """The signal that ended a process with this negative exit code."""
    return signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"


def environment(**more: str) -> dict[str, str]:
    """The environment of this process with what is needed to find tfopt, and `more`."""
    places = [HOME, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(places)), **more}
