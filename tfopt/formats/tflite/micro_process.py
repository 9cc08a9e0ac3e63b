"""A file in TensorFlow Lite Micro, run in a child process (see `micro`) because it may crash the interpreter.

What it has to say it prints from C++; that is caught and read.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfopt.formats.tflite.micro_runtime import (
    allocations,
    micro_interpreter,
    plain_interpreter,
    random_inputs,
    run_micro,
    run_plain,
    smallest_arena,
)
from tfopt.formats.tflite.single_operations import single_operations
from tfopt.runtime.native_code import native_output
from tfopt.runtime.progress import Progress
from tfopt.typing import Json

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
    payload = Path(path).read_bytes()
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
    parts = allocations(payload)
    memory = {"head": parts.head, "tail": parts.tail, "allocations": parts.by_kind}
    return found | {"arena": smallest_arena(payload, invoked=True)} | memory


def arena(_progress: Progress, path: str) -> int | None:
    """Return the smallest arena at which the tensors of a file can be allocated; None if it does not run."""
    return smallest_arena(Path(path).read_bytes(), invoked=False)


class Compared(NamedTuple):
    """Says why a file fails, or how far its answers are from those of LiteRT's plain kernels: close or not."""

    failure: str
    difference: str = ""
    close: bool = False


def compared(payload: bytes) -> Compared:
    """Run a file on random inputs in both."""
    plain, rng = plain_interpreter(payload), np.random.default_rng(0)
    steps, share = 0.0, 0.0
    for _ in range(TRIED):
        inputs = random_inputs(rng, plain)
        wanted = run_plain(plain, inputs)
        with native_output() as said:
            try:
                outputs = run_micro(micro_interpreter(payload), inputs, len(wanted))
            except (RuntimeError, ValueError, IndexError) as error:
                return Compared(told([*said(), str(error)]))
        for one, other in zip(outputs, wanted, strict=True):
            off = float(np.abs(one.astype(np.float64) - other).max(initial=0))
            if other.dtype.kind == "f":
                share = max(share, off / max(1.0, float(np.abs(other).max(initial=0))))
            else:
                steps = max(steps, off)
    difference = f"{steps:.0f} steps of its integers" if steps or not share else f"{share:.1g} of the largest"
    return Compared("", f"up to {difference}", steps <= 1 and share <= CLOSE)


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
