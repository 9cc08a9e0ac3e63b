"""TensorFlow Lite Micro's interpreter beside LiteRT's plain kernels, for the processes that run both."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

from tfopt.runtime.fork import holds
from tfopt.runtime.native_code import native_output
from tfopt.typing import Array, Json

ROOM = 2**26  # an arena that is large enough to begin with, bytes
STEP = 16  # of arenas that are tried, as they are aligned


def micro_interpreter(payload: bytes, size: int = ROOM) -> Any:
    """Allocate the tensors of a file in an arena of `size` bytes; raise `RuntimeError` if it does not suffice."""
    return runtime.Interpreter.from_bytes(payload, arena_size=size)


def run_micro(interpreter: Any, inputs: Sequence[Array], outputs: int) -> list[Array]:
    """Invoke it once and return its first so many outputs."""
    for place, x in enumerate(inputs):
        interpreter.set_input(x, place)
    interpreter.invoke()
    return [np.array(interpreter.get_output(place)) for place in range(outputs)]


def smallest_arena(payload: bytes, *, invoked: bool) -> int | None:
    """Return the smallest arena in which tensors can be allocated, and an inference done if `invoked`; None if none."""

    def runs(size: int) -> bool:
        with native_output():
            try:
                interpreter = micro_interpreter(payload, size)
                if invoked:
                    interpreter.invoke()
            except (RuntimeError, ValueError):
                return False
        return True

    def suffices(size: int) -> bool:
        return holds(lambda: runs(size))  # the interpreter crashes in some that are too small

    if not suffices(ROOM):
        return None
    return smallest(suffices, STEP, ROOM)


class Allocations(NamedTuple):
    """The bytes that the interpreter says that it has allocated: the head and the tail of the arena.

    `by_kind` are those of kinds of structures, with how many there are.
    """

    head: int
    tail: int
    by_kind: dict[str, list[int]]


def allocations(payload: bytes) -> Allocations:
    """Ask the interpreter what it allocates for a file that it runs."""
    interpreter = micro_interpreter(payload)
    with native_output() as said:
        interpreter.print_allocations()
        text = "\n".join(said())
    parts = dict(re.findall(r"Arena allocation (head|tail) (\d+) bytes", text))
    kinds = re.findall(r"'(.+?)' used (\d+) bytes.*? for (\d+) ", text)
    return Allocations(
        int(parts["head"]), int(parts["tail"]), {name: [int(size), int(count)] for name, size, count in kinds}
    )


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


def plain_interpreter(payload: bytes) -> Interpreter:
    """Load a file with LiteRT's plain kernels, without XNNPACK."""
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=payload, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    return interpreter


def run_plain(interpreter: Interpreter, inputs: Sequence[Array]) -> list[Array]:
    """Invoke it once from a fresh state and return its outputs."""
    for detail, x in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], x)
    interpreter.reset_all_variables()
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def random_inputs(rng: np.random.Generator, interpreter: Interpreter) -> list[Array]:
    """Return noise for each input; of whole numbers, which may be places in another tensor, zeros."""
    return [_random(rng, detail) for detail in interpreter.get_input_details()]


def _random(rng: np.random.Generator, detail: Json) -> Array:
    kind, shape = np.dtype(detail["dtype"]), tuple(detail["shape"])
    if kind.kind == "f":
        return rng.normal(size=shape).astype(kind)
    if detail["quantization"][0]:
        limits: np.iinfo[Any] = np.iinfo(kind)
        return rng.integers(limits.min, limits.max, size=shape, endpoint=True).astype(kind)
    return np.zeros(shape, kind)
