"""The other end of `child`: stages on stdout, and an exception as `error.txt`."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tfopt.conversion.jobs import STAGE
from tfopt.runtime.orphans import end_with_parent


def stage(text: str) -> None:
    """Tell the parent what happens next."""
    print(STAGE + text, flush=True)


def main(work: Callable[[Path], None]) -> None:
    """Do `work` in the folder given as the only argument; exit with 1 and leave the reason there if it fails."""
    end_with_parent()
    folder = Path(sys.argv[1])
    try:
        work(folder)
    except Exception as error:
        (folder / "error.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        traceback.print_exc()
        sys.exit(1)
