"""An ONNX file is native code's input: it is loaded and run once in a process of its own first."""

import numpy as np

from tfopt.errors import InputError
from tfopt.runtime.processes import ProcessError, run, signal_name
from tfopt.runtime.progress import Progress
from tfopt.untrusted.trial import SECONDS, bound_memory


def try_onnx(payload: bytes, name: str) -> None:
    """Run a file on zeros in another process.

    Args:
        payload: The bytes of the file.
        name: What messages call it.

    Raises:
        InputError: If onnxruntime cannot load or run it, or crashes on it.
    """
    try:
        run("tfopt.formats.onnx.trial:run_trial", payload, name, time_limit=SECONDS)
    except ProcessError as error:
        if error.late:
            raise InputError(f"{name} cannot be run by onnxruntime: it took longer than {SECONDS:.0f} s") from None
        how = f" ({signal_name(error.code)})" if error.code < 0 else f": {error.raised}"
        raise InputError(f"{name} is damaged: onnxruntime fails on it{how}") from None


def run_trial(_progress: Progress, payload: bytes, name: str) -> None:
    """Load a file in this process, which gives up memory for it, and run it on zeros."""
    from tfopt.formats.onnx import artifact
    from tfopt.formats.onnx.model_proto import read_proto

    bound_memory(len(payload))
    read_proto(payload, name)
    session = artifact.session_of(payload, name, 1)
    feeds = {}
    for one in session.get_inputs():
        kind = artifact.TYPES.get(one.type, "")
        if kind in ("", "string"):
            raise InputError(f"{name} takes {one.type}, which tfopt does not feed")
        feeds[one.name] = np.zeros([size if isinstance(size, int) else 1 for size in one.shape], kind)
    artifact.run(session, feeds, name)
