"""Two files agree if they answer random inputs bit by bit alike in LiteRT."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfopt.errors import UnsupportedError
from tfopt.formats.tflite.integers import Detail
from tfopt.runtime.processes import ProcessError, run
from tfopt.runtime.progress import Progress
from tfopt.typing import Array
from tfopt.untrusted.trial import SECONDS, bound_memory, has_free_batch, random_values, resize

DRAWS = {1: 3, 3: 1}  # random inputs for each number of samples at once
DIFFERENT = "its outputs would not be the same bit by bit"


def check_agreement(before: bytes, after: bytes, *, apart: bool = False) -> int:
    """Run two files on the same random inputs, also several samples at once where that is free.

    Args:
        before: The bytes of a file that LiteRT has loaded.
        after: Those of another one.
        apart: Whether they run in another process, as files of strangers do.

    Returns:
        On how many inputs they agree.

    Raises:
        UnsupportedError: They do not agree, or one of them does not run.
    """
    if not apart:
        return count_alike(before, after)
    try:
        found = run("tfopt.formats.tflite.agreement:run_apart", before, after, time_limit=2 * SECONDS)
    except ProcessError as error:
        raise UnsupportedError(f"it cannot be proven to answer alike: {error}") from None
    assert isinstance(found, int)
    return found


def run_apart(_progress: Progress, before: bytes, after: bytes) -> int:
    """Compare two files in this process, which gives up memory for it."""
    bound_memory(len(before) + len(after))
    return count_alike(before, after)


def count_alike(before: bytes, after: bytes, draws_of: Mapping[int, int] = DRAWS) -> int:
    """Return on how many random inputs two files agree; raise `UnsupportedError` if they do not.

    Args:
        before: The bytes of one file.
        after: Those of the other.
        draws_of: How many inputs there are for each number of samples at once.
    """
    count = 0
    for batch, draws in draws_of.items():
        found = _answers(before, batch, draws)
        if batch > 1 and not found:
            continue
        if not found:
            raise UnsupportedError("it does not run, so that nothing can be proven")
        if found != _answers(after, batch, draws):
            random = found != _answers(before, batch, draws)
            raise UnsupportedError("it answers at random, so that nothing can be proven" if random else DIFFERENT)
        count += draws
    return count


def _answers(payload: bytes, batch: int, draws: int) -> list[str]:
    """Return what a file answers, each output as a hash; nothing if it does not run so many samples at once."""
    try:
        interpreter = Interpreter(model_content=payload, num_threads=1)
        interpreter.allocate_tensors()
        if batch > 1:
            if not has_free_batch(interpreter):
                return []
            resize(interpreter, batch)
        answers = [_hash(output) for seed in range(draws) for output in _run(interpreter, seed)]
        keys = list(interpreter.get_signature_list()) if batch == 1 else []
        others = [output for key in keys if len(keys) > 1 for output in _run_signature(interpreter, key)]
        return answers + [_hash(output) for output in others]
    except (ValueError, RuntimeError, MemoryError):
        return []


def _run(interpreter: Interpreter, seed: int) -> Iterator[Array]:
    for detail, value in _inputs(interpreter.get_input_details(), seed):
        interpreter.set_tensor(detail["index"], value)
    interpreter.reset_all_variables()
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        yield interpreter.get_tensor(detail["index"])


def _run_signature(interpreter: Interpreter, key: str) -> list[Array]:
    runner = interpreter.get_signature_runner(key)
    details = runner.get_input_details()
    names = {detail["index"]: name for name, detail in details.items()}
    found = runner(**{names[detail["index"]]: value for detail, value in _inputs(details.values(), 0)})
    return [found[name] for name in sorted(found)]


def _inputs(details: Iterable[Detail], seed: int) -> Iterator[tuple[Detail, Array]]:
    """Yield random values for each input that takes numbers."""
    rng = np.random.default_rng(seed)
    for detail in details:
        kind = np.dtype(detail["dtype"])
        if kind.kind in "fiub":
            yield detail, random_values(rng, kind, detail)


def _hash(output: Array) -> str:
    values = output.tobytes() if output.dtype.kind != "O" else repr(output.tolist()).encode()
    return f"{output.dtype} {output.shape} {blake2b(values).hexdigest()}"
