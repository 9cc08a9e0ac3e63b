"""A child process, seen from inside: it calls a function and reports to the process that has started it.

The call comes pickled through the standard input, from a parent that can be trusted. The end of that input is the end
of the parent, and of this process.
"""

import contextlib
import importlib
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Callable

from tfopt.errors import TfoptError
from tfopt.runtime.imports import quick_imports
from tfopt.runtime.process_state import preserved
from tfopt.runtime.protocol import AHEAD, Call, Event, ParentProgress, receive


def main() -> None:
    """Call functions of the module that the command line names; end with 0, 1, or 2 for a `TfoptError`."""
    parent = ParentProgress(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print is no report
    module = sys.argv[1]
    if AHEAD in sys.argv:
        _prepare(module)
    calls: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(calls,), daemon=True).start()
    lasting = True
    while lasting:
        call: Call = pickle.loads(calls.get())
        _limit(call.time_limit)
        code = _work(parent, module, call)
        lasting = call.lasting and not code
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
        with preserved() if call.lasting else contextlib.nullcontext():
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


def _receive(calls: queue.SimpleQueue[bytes]) -> None:
    """Put calls into a queue, until the input ends, which the parent holds open as long as it lives."""
    while payload := receive(sys.stdin.fileno()):
        calls.put(payload)
    os._exit(1)


def _limit(seconds: float | None) -> None:
    """Have the system end this process much later than the parent does, should a library keep Python from noticing."""
    if hasattr(signal, "alarm"):
        signal.alarm(2 * int(seconds + 1) if seconds else 0)


if __name__ == "__main__":
    main()
