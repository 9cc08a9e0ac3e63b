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
    from tfopt.runtime import signals, standard_streams

    standard_streams.prepare()
    signals.install_handlers()
    try:
        from tfopt.cli import run

        code = run()
        standard_streams.flush_stdout()
    except KeyboardInterrupt:
        word, code = signals.received_signal() or ("interrupted", 130)
        print(f"error: {word}; nothing was written", file=sys.stderr)
    except OSError as error:
        print(f"error: cannot write to stdout: {error.strerror}", file=sys.stderr)
        code = 2
    sys.exit(code)


if __name__ == "__main__":
    main()
