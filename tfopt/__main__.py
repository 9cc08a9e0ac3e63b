"""The console script, and `python -m tfopt`."""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        from tfopt.cli import run

        sys.exit(run())
    except KeyboardInterrupt:
        print("error: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
