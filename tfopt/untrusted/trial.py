"""A `.tflite` is native code's input: it is run once in a process of its own, with a bound on memory and time.

LiteRT verifies that the offsets of a file stay inside it, but not that its operations agree with their tensors; what
makes the interpreter crash, hang or swell does so there.
"""

import contextlib
import time
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.errors import InputError
from tfopt.runtime.processes import ProcessError, run, signal_name
from tfopt.runtime.progress import Progress
from tfopt.typing import Array, Json, SchemaObject

if TYPE_CHECKING:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

SECONDS = 45.0
ADDRESSES = 2_000_000_000  # bytes that a small file may take, beside what the process has
MOST_SECONDS = 10.0  # that a batch may take; there is nothing to gain from batches of slow samples
COPIES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")  # whose kernels copy as many bytes as the input has
FOLD = 12  # times the size of a large file: XNNPACK packs the weights again
LONGEST = 200  # letters of a reason


def try_tflite(payload: bytes, name: str, batch: int) -> int:
    """Run a file on zeros and on noise in another process.

    Args:
        payload: The bytes of the file.
        name: What to call it in a sentence.
        batch: How many samples are to be run at once.

    Returns:
        How many samples at once it was seen to run: `batch`, or 1 if it cannot or so many would take too long.

    Raises:
        InputError: If LiteRT cannot load or run it, or crashes on it.
    """
    try:
        ran = run("tfopt.untrusted.trial:run_trial", payload, batch, time_limit=SECONDS)
    except InputError as error:
        raise InputError(f"{name} cannot be run by LiteRT: {_line(str(error))}") from None
    except ProcessError as error:
        if error.late:
            reason = f"it took longer than {SECONDS:.0f} s"
        elif error.code < 0:  # even after it ran: what has written over its memory often ends only later
            raise InputError(f"{name} is damaged: LiteRT crashes on it ({signal_name(error.code)})") from None
        else:
            reason = _line(error.raised) or f"code {error.code}"
        raise InputError(f"{name} cannot be run by LiteRT: {reason}") from None
    return batch if ran == batch else 1


def run_trial(_progress: Progress, payload: bytes, batch: int) -> int:
    """Run a file in this process, which gives up memory for it; see `try_tflite`."""
    from ai_edge_litert import schema_py_generated as schema

    bound_memory(len(payload))
    try:
        interpreter = _loaded(payload)  # which verifies the offsets
        _check(schema.ModelT.InitFromPackedBuf(payload, 0), [getattr(schema.BuiltinOperator, name) for name in COPIES])
        seconds = _run(interpreter)
    except UnicodeDecodeError:
        reason = "the name of a tensor is no text"
    except MemoryError:
        reason = "it asks for more memory than a file of its size needs"
    except Exception as error:  # LiteRT and flatbuffers raise whatever they stumble over
        reason = str(error) or type(error).__name__
    else:
        return batch if batch * seconds < MOST_SECONDS and _runs_at_once(interpreter, batch) else 1
    raise InputError(reason)


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


def _runs_at_once(interpreter: "Interpreter", batch: int) -> bool:
    if not has_free_batch(interpreter):
        return False
    with contextlib.suppress(Exception):
        resize(interpreter, batch)
        _run(interpreter)
        return True
    return False


def _check(model: SchemaObject, copies: Container[int]) -> None:
    """Names are text, and what copies has one type."""
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            (tensor.name or b"").decode()
        for operation in graph.operators:
            code = model.operatorCodes[operation.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) not in copies:
                continue
            given, made = (graph.tensors[places[0]].type for places in (operation.inputs, operation.outputs))
            if given != made:
                raise InputError("an operation that copies a tensor would change its type")


def _loaded(payload: bytes) -> "Interpreter":
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=payload)
    interpreter.allocate_tensors()
    return interpreter


def has_free_batch(interpreter: "Interpreter") -> bool:
    """Tell whether all inputs leave their first size free."""
    signatures = [detail["shape_signature"] for detail in interpreter.get_input_details()]
    return {signature[0] for signature in signatures if len(signature)} == {-1}


def resize(interpreter: "Interpreter", batch: int) -> None:
    """Let a file take so many samples at once; raise what LiteRT does if it cannot."""
    for detail in interpreter.get_input_details():
        if len(detail["shape"]):
            interpreter.resize_tensor_input(detail["index"], (batch, *detail["shape"][1:]))
    interpreter.allocate_tensors()


def _run(interpreter: "Interpreter") -> float:
    """Run on zeros and on noise; returns the seconds that the latter took."""
    import numpy as np

    rng = np.random.default_rng(0)
    seconds = 0.0
    for noise in (False, True):
        for detail in interpreter.get_input_details():
            kind = np.dtype(detail["dtype"])
            if kind.kind in "fiub":
                value = random_values(rng, kind, detail) if noise else np.zeros(detail["shape"], kind)
                interpreter.set_tensor(detail["index"], value)
        began = time.perf_counter()
        interpreter.invoke()
        seconds = time.perf_counter() - began
    for detail in interpreter.get_output_details():
        interpreter.get_tensor(detail["index"])
    return seconds


def random_values(rng: "np.random.Generator", kind: "np.dtype[np.generic]", detail: Json) -> Array:
    """Return random values of an input: floats below 1, all of a quantized type, tokens 0 and 1, which all tables have.

    Args:
        rng: Where they are drawn from.
        kind: Their type.
        detail: What the interpreter says of the input.
    """
    shape = tuple(int(size) for size in detail["shape"])
    if kind.kind == "f":
        return rng.random(shape).astype(kind)
    if kind.kind == "b" or not detail["quantization"][0]:
        return rng.integers(0, 2, shape).astype(kind)
    least, most = -(2 ** (8 * kind.itemsize - 1)), 2 ** (8 * kind.itemsize - 1)
    return (rng.integers(least, most, shape) - (least if kind.kind == "u" else 0)).astype(kind)


def bound_memory(size: int) -> None:
    """Let this process take no more memory than a file of `size` bytes needs."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + max(ADDRESSES, FOLD * size)
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
