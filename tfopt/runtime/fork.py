"""A step that may end its process is tried in a copy of it first."""

import os
from collections.abc import Callable


def holds(question: Callable[[], bool]) -> bool:
    """Ask something in a forked copy of this process; False also if that crashes.

    It is for child processes without threads of their own. Where the system cannot fork, it is asked here.
    """
    if not hasattr(os, "fork"):
        return question()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if question() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
