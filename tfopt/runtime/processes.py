"""A function called in a child process: the way in which tfopt has something done elsewhere.

A child calls `tfopt.module:function` with a `Progress` and whatever arguments it is given, and answers in JSON (see
`tfopt.runtime.child`).
"""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from tfopt.errors import TfoptError
from tfopt.runtime.process_group import QUIET, ProcessGroup
from tfopt.runtime.progress import Progress, Silent
from tfopt.runtime.protocol import Event, TaskBars, error_of

_waiting: ContextVar[list[tuple[str, ProcessGroup]] | None] = ContextVar("waiting", default=None)


class ProcessError(TfoptError):
    """A child process failed, and not by a `TfoptError`.

    Attributes:
        code: Its exit code; negative is the signal that ended it.
        late: Whether it took too long.
        raised: The exception that its function has raised, as in "ValueError: no such axis"; empty if there was none.
    """

    def __init__(self, sentence: str, code: int, *, late: bool = False, raised: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.late = late
        self.raised = raised


def run(
    target: str,
    *arguments: object,
    progress: Progress | None = None,
    environment: Mapping[str, str] = QUIET,
    time_limit: float | None = None,
    lasting: bool = False,
) -> object:
    """Call a function in a child process and wait until that has ended, or has answered if it lasts.

    Args:
        target: The function, as "tfopt.module:function"; its first parameter is a `Progress`.
        arguments: Its other arguments, which can be pickled.
        progress: Shows the tasks of the child.
        environment: Variables beside those of this process.
        time_limit: Seconds after which the child is killed.
        lasting: Whether the child may serve other calls of the module after that, within `started_ahead`: nothing that
            the function leaves behind in its process matters to these.

    Returns:
        What the function returned, as JSON: a pydantic model becomes a dictionary.

    Raises:
        TfoptError: Of the class and with the sentence that the function raised.
        ProcessError: If it raised anything else, took too long, or its process died.
    """
    answer: Event | None = None
    module = target.partition(":")[0]
    pool = _waiting.get() if environment is QUIET else None
    with contextlib.ExitStack() as stack, TaskBars(progress or Silent()) as bars:
        group = stack.enter_context(_take(pool or [], module) or ProcessGroup())
        lasting = lasting and pool is not None
        process = group.start(
            0, target, *arguments, environment=environment, time_limit=time_limit, orderly=True, lasting=lasting
        )
        while (found := group.next_event()) and found[1].kind != "exit":
            if found[1].kind in ("result", "error"):
                answer = found[1]
            else:
                bars.show(found[1])
            if lasting and pool is not None and found[1].kind == "result":
                process.rest()
                stack.pop_all()
                pool.append((module, group))
                return found[1].value
    if answer is None or process.late or process.code < 0:
        raise ProcessError(f"its process {process.ending}", process.code, late=process.late)
    if answer.kind == "error":
        sentence = f"its process {process.ending}"
        raise error_of(answer) or ProcessError(sentence, process.code, raised=process.raised)
    return answer.value


@contextlib.contextmanager
def started_ahead(*modules: str) -> Iterator[list[int]]:
    """Start children that import what they need while this process does something else.

    Each serves the first call of `run` for a function of its module, and if the call says that it is lasting, the next
    ones, too; those that wait are killed at the end. Nothing is started within another such context, whose children
    serve, or where there is one core.

    Args:
        modules: A child is started for each; its function `prepare` does the imports.

    Yields:
        The numbers of the processes.
    """
    if _waiting.get() is not None:
        yield []
        return
    waiting: list[tuple[str, ProcessGroup]] = []
    token = _waiting.set(waiting)
    try:
        for module in modules if (os.cpu_count() or 1) > 1 else ():
            group = ProcessGroup()
            with contextlib.suppress(OSError):  # what is short now may suffice later, and else it is said then
                group.start_ahead(0, module)
                waiting.append((module, group))
        yield [group.processes[0].pid for _, group in waiting]
    finally:
        _waiting.reset(token)
        for _, group in waiting:
            group.end()


def _take(waiting: list[tuple[str, ProcessGroup]], module: str) -> ProcessGroup | None:
    """Return the group of a child that waits for a call of this module and still runs."""
    for pair in [pair for pair in waiting if pair[0] == module]:
        waiting.remove(pair)
        if pair[1].processes[0].runs:
            return pair[1]
        pair[1].end()
    return None


def signal_name(code: int) -> str:
    """The signal that ended a process with this negative exit code."""
    return signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
