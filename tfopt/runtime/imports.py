"""Large libraries are imported with a bar, and faster than by themselves.

TensorFlow and Keras make so many objects that looking for garbage among them takes a fifth of the time of their import.
Keras imports scikit-learn if it is there, for wrappers that nothing here uses; that takes as long again.
"""

import contextlib
import gc
import importlib
import sys
import threading
from collections.abc import Iterator

from tfopt.runtime.progress import Progress


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import no scikit-learn and collect no garbage while the context lasts; what it has made is never looked through.

    It is for processes of tfopt's own, not for those of its callers.
    """
    gc.disable()
    hidden = {"sklearn": None} if "sklearn" not in sys.modules else {}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None means that it cannot be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        gc.enable()


def import_module(name: str, progress: Progress, description: str, total: int) -> None:
    """Import a module that takes seconds, with a bar that counts the modules it brings.

    Args:
        name: The module.
        progress: Shows the bar.
        description: What the bar says.
        total: About how many modules there are to come.
    """
    done, before = threading.Event(), len(sys.modules)
    with progress.task(description, total) as advance:

        def watch() -> None:
            shown = 0
            while not done.wait(0.1):
                count = len(sys.modules) - before
                advance(count - shown)
                shown = count

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            with quick_imports():
                importlib.import_module(name)
        finally:
            done.set()
            watcher.join()
