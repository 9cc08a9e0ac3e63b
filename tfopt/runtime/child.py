"""A child process, seen from inside: it calls one function and reports to the process that has started it.

The call comes pickled through the standard input, from a parent that can be trusted.
"""

import contextlib
import importlib
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable

from tfopt.errors import TfoptError
from tfopt.runtime.imports import quick_imports
from tfopt.runtime.protocol import AHEAD, Call, Event, ParentProgress


def main() -> None:
    """Call a function of the module that the command line names; end with 0, 1, or 2 for a `TfoptError`."""
    parent = ParentProgress(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print is no report
    module = sys.argv[1]
    if AHEAD in sys.argv:
        _prepare(module)
    try:
        call: Call = pickle.load(sys.stdin.buffer)
    except EOFError:  # the parent has ended without a call
        return
    _end_with_parent(call.time_limit)
    code = _work(parent, module, call)
    if not call.orderly:
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _prepare(module: str) -> None:
    """Import the module and what its functions need; what goes wrong does so again, and is told, when one is called."""
    with contextlib.suppress(Exception), quick_imports():
        importlib.import_module(module).prepare()


def _work(parent: ParentProgress, module: str, call: Call) -> int:
    try:
        with quick_imports():
            function: Callable[..., object] = getattr(importlib.import_module(module), call.function)
        value = function(parent, *call.arguments)
        plain = value.model_dump(mode="json") if hasattr(value, "model_dump") else value
        parent.report(Event("result", value=plain))
    except Exception as error:
        expected = isinstance(error, TfoptError)
        if not expected:
            sys.__excepthook__(type(error), error, error.__traceback__)
        parent.report(Event("error", str(error), value=type(error).__name__))
        return 2 if expected else 1
    return 0


def _end_with_parent(time_limit: float | None) -> None:
    """End this process when its standard input is closed, which the parent holds open as long as it lives.

    Where a library keeps Python from noticing, an alarm of the system ends it later.
    """
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()
    if time_limit and hasattr(signal, "alarm"):
        signal.alarm(2 * int(time_limit + 1))


def _wait_for_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
