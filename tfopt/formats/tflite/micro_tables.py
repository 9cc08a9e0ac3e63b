"""Weights of few distinct values as indices into tables, in the form of TensorFlow Lite Micro (run in a child process).

Its own compressor writes them: a DECODE operation before each reader makes the weights of indices and tables, into the
arena. So flash is saved, and working memory is spent.
"""

import contextlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.compression import compress, spec

from tfopt.errors import UnsupportedError
from tfopt.formats.tflite.graph import Constant, operations
from tfopt.formats.tflite.micro_runtime import (
    micro_interpreter,
    plain_interpreter,
    random_inputs,
    run_micro,
    smallest_arena,
)
from tfopt.formats.tflite.packing import packed
from tfopt.runtime.native_code import native_output
from tfopt.runtime.progress import Progress
from tfopt.typing import Json

MOST_BITS = 7  # of an index
HEADER = 16  # bytes that a table has beside its values
OPERATION = 250  # bytes of a DECODE and its tensors in the file, about
COMPARED = 100  # random inputs


def write_tables(progress: Progress, path: str) -> Json:
    """Write a file with tables beside another, `tables.tflite`, if that is smaller and answers bit by bit alike.

    Args:
        progress: Is told of each input that is compared.
        path: A file that TensorFlow Lite Micro runs.

    Returns:
        `tables`: how many tensors have one, 0 if none is worth it; `agreed`: on how many random inputs both answer
        alike, -1 if they do not; `arenas`: the smallest for each.
    """
    payload = Path(path).read_bytes()
    chosen = list(_worth_it(payload))
    if not chosen:
        return {"tables": 0}
    with native_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = bytes(compress(payload, chosen))
    with contextlib.suppress(UnsupportedError):
        made = packed(made)
    if len(made) >= len(payload):
        return {"tables": 0}
    agreed = _agreed(progress, payload, made)
    Path(path).with_name("tables.tflite").write_bytes(made)
    return {
        "tables": len(chosen),
        "agreed": agreed,
        "arenas": [smallest_arena(one, invoked=True) for one in (payload, made)],
    }


def _worth_it(payload: bytes) -> Iterator[Any]:
    """Yield what the compressor is asked: a table for each channel where scales are, as the kernels read them."""
    seen = set()
    for operation in operations(payload):
        for constant in operation.constants:
            if constant.type == "INT8" and len(constant.shape) > 1 and constant.number not in seen:
                seen.add(constant.number)
                bits = max(1, math.ceil(math.log2(constant.distinct())))
                if bits <= MOST_BITS and saved_bytes(constant, bits) > 0:
                    grain = spec.PerChannel(constant.axis) if constant.scales > 1 else spec.PerTensor()
                    yield spec.Tensor(*constant.number, [spec.LookUpTableCompression(bits, grain)])


def saved_bytes(constant: Constant, bits: int) -> int:
    """Return about how many bytes indices of so many bits save."""
    tables = max(1, constant.scales) * (1 << bits) + HEADER
    count = int(constant.values.size)
    return count - math.ceil(count * bits / 8) - tables - OPERATION


def _agreed(progress: Progress, before: bytes, after: bytes) -> int:
    """Return on how many random inputs both answer alike; -1 if they do not."""
    plain, rng = plain_interpreter(before), np.random.default_rng(0)
    outputs = len(plain.get_output_details())
    with native_output():
        both = micro_interpreter(before), micro_interpreter(after)
    with progress.task("comparing answers in TensorFlow Lite Micro", COMPARED) as advance:
        for _ in range(COMPARED):
            inputs = random_inputs(rng, plain)
            first, second = (run_micro(interpreter, inputs, outputs) for interpreter in both)
            if not all(np.array_equal(one, other) for one, other in zip(first, second, strict=True)):
                return -1
            advance(1)
    return COMPARED
