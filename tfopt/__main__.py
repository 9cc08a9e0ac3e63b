"""The console script, and `python -m tfopt`."""

import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109  # from `python -m tfopt`
            del sys.path[0]  # a numpy.py that came with a model is not to run
    except OSError:
        print("error: the current folder does not exist any more", file=sys.stderr)
        sys.exit(2)
    try:
        from tfopt.cli import run

        sys.exit(run())
    except KeyboardInterrupt:
        print("error: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
