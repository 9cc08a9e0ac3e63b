"""TensorFlow Lite Micro's interpreter, run in a child process (see `tflm`): a file may crash it.

What it has to say it prints from C++; that is caught and read.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from tfopt.formats.tflite.single_operations import single_operations
from tfopt.runtime.native_code import native_output
from tfopt.runtime.progress import Progress
from tfopt.typing import Array, Json

ROOM = 2**26  # an arena that is large enough to begin with, bytes
STEP = 16  # of arenas that are tried, as they are aligned
TRIED = 4  # random inputs that answers are compared on
CLOSE = 1e-4  # of the largest answer, by which floats may differ


def examine(progress: Progress, path: str) -> Json:
    """Run a file, and each of its operations by itself, beside LiteRT.

    Args:
        progress: Is told of each operation.
        path: The file.

    Returns:
        `operations`: for each operation a sentence on what is wrong; empty if it answers as in LiteRT, None if that is
        not known. `failure`: why the file does not run; empty if it does. Then `difference`: how far its answers are
        from LiteRT's; `arena`: the smallest that suffices; `head` and `tail`: the parts of what the interpreter
        allocates; `allocations`: by kind the bytes and how many there are.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        payload = file.read()
    operations: list[str | None] = []
    singles = list(single_operations(payload))
    with progress.task("running each operation in TensorFlow Lite Micro", len(singles)) as advance:
        for single in singles:
            try:
                one = compared(single)
            except (RuntimeError, ValueError):  # of LiteRT, on random inputs
                operations.append(None)
            else:
                operations.append(one.failure or ("" if one.close else f"its answers differ by {one.difference}"))
            advance(1)
    whole = compared(payload)
    if whole.failure:
        return {"operations": operations, "failure": whole.failure}
    found = {"operations": operations, "failure": "", "difference": whole.difference}
    return found | {"arena": smallest(lambda size: _runs(payload, size), STEP, ROOM)} | _allocations(payload)


def arena(_progress: Progress, path: str) -> int | None:
    """Return the smallest arena at which the tensors of a file can be allocated; None if it does not run."""
    with open(path, "rb") as file:  # noqa: PTH123
        payload = file.read()
    if not _allocates(payload, ROOM):
        return None
    return smallest(lambda size: _allocates(payload, size), STEP, ROOM)


class Compared(NamedTuple):
    """Says why a file fails, or how far its answers are from those of LiteRT's plain kernels: close or not."""

    failure: str
    difference: str = ""
    close: bool = False


def compared(payload: bytes) -> Compared:
    """Run a file on random inputs in both."""
    lite = Interpreter(
        model_content=payload, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    lite.allocate_tensors()
    rng = np.random.default_rng(0)
    steps, share = 0.0, 0.0
    for _ in range(TRIED):
        inputs = [_random(rng, detail) for detail in lite.get_input_details()]
        for detail, x in zip(lite.get_input_details(), inputs, strict=True):
            lite.set_tensor(detail["index"], x)
        lite.reset_all_variables()
        lite.invoke()
        wanted = [lite.get_tensor(detail["index"]) for detail in lite.get_output_details()]
        with native_output() as said:
            try:
                outputs = _run(_load(payload, ROOM), inputs, len(wanted))
            except (RuntimeError, ValueError, IndexError) as error:
                return Compared(told([*said(), str(error)]))
        for one, other in zip(outputs, wanted, strict=True):
            off = float(np.abs(one.astype(np.float64) - other).max(initial=0))
            if other.dtype.kind == "f":
                share = max(share, off / max(1.0, float(np.abs(other).max(initial=0))))
            else:
                steps = max(steps, off)
    difference = (
        f"up to {steps:.0f} steps of its integers" if steps or not share else f"up to {share:.1g} of the largest"
    )
    return Compared("", difference, steps <= 1 and share <= CLOSE)


def told(lines: Sequence[str]) -> str:
    """Return the sentence in what the interpreter says that tells most.

    >>> told(["Didn't find op for builtin opcode 'DENSIFY'", "Failed to get registration from op code DENSIFY"])
    'TensorFlow Lite Micro has no kernel for DENSIFY'
    """
    text = "\n".join(lines)
    if missing := re.search(r"Didn't find op for builtin opcode '(\w+)'", text):
        return f"TensorFlow Lite Micro has no kernel for {missing[1]}"
    useless = ("Failed to", "Node ", "TFLM failed", "Internal error", "Invoke")
    useful = [line for line in lines if line and not line.startswith(useless)]
    return " ".join((useful or lines or ["it fails"])[0].split("tensorflow/lite/")[-1].split())[:200]


def smallest(suffices: Callable[[int], bool], step: int, most: int) -> int:
    """Find by bisection the smallest multiple of `step` that suffices; that of `most` does.

    >>> smallest(lambda size: size >= 70, step=16, most=1024)
    80
    """
    low, high = 0, most // step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle * step) else (middle, high)
    return high * step


def _runs(payload: bytes, size: int) -> bool:
    with native_output():
        try:
            _load(payload, size).invoke()
        except (RuntimeError, ValueError):
            return False
    return True


def _allocates(payload: bytes, size: int) -> bool:
    with native_output():
        try:
            _load(payload, size)
        except (RuntimeError, ValueError):
            return False
    return True


def _allocations(payload: bytes) -> Json:
    """Return what the interpreter says that it has allocated."""
    interpreter = _load(payload, ROOM)
    interpreter.invoke()
    with native_output() as said:
        interpreter.print_allocations()
        lines = said()
    parts = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", "\n".join(lines)))
    kinds = re.findall(r"'(.+?)' used (\d+) bytes.*? for (\d+) ", "\n".join(lines))
    return {
        "head": int(parts["head"]),
        "tail": int(parts["tail"]),
        "allocations": {name: [int(size), int(count)] for name, size, count in kinds},
    }


def _load(payload: bytes, size: int) -> Any:
    return runtime.Interpreter.from_bytes(payload, arena_size=size)


def _run(interpreter: Any, inputs: Sequence[Array], outputs: int) -> list[Array]:
    for place, x in enumerate(inputs):
        interpreter.set_input(x, place)
    interpreter.invoke()
    return [interpreter.get_output(place) for place in range(outputs)]


def _random(rng: np.random.Generator, detail: Json) -> Array:
    """Return noise of the type of an input; of whole numbers, which may be places in another tensor, zeros."""
    kind, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
    if kind.kind == "f":
        return rng.normal(size=shape).astype(kind)
    if detail["quantization"][0]:
        limits: np.iinfo[Any] = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, size=shape, endpoint=True).astype(kind)
    return np.zeros(shape, kind)
