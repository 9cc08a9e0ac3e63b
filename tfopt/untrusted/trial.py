"""A `.tflite` is native code's input: it is run once in a process of its own, with a bound on memory and time.

LiteRT verifies that the offsets of a file stay inside it, but not that its operations agree with their tensors; what
makes the interpreter crash, hang or swell does so there. That process (`python -m tfopt.untrusted.trial FILE`) is this
file, too.
"""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfopt.errors import InputError
from tfopt.runtime.processes import command, death, environment
from tfopt.runtime.temporary import scratch
from tfopt.typing import Json

if TYPE_CHECKING:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

SECONDS = 45.0
ADDRESSES = 2_000_000_000  # bytes that a small file may take, beside what the process has
MOST_SECONDS = 10.0  # that a batch may take; there is nothing to gain from batches of slow samples
RAN = "ran "
FAILED = "failed:"
COPIES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")  # whose kernels copy as many bytes as the input has
FOLD = 12  # times the size of a large file: XNNPACK packs the weights again


def try_tflite(payload: bytes, name: str, batch: int) -> int:
    """Raise `InputError` in one sentence if LiteRT cannot load `payload` and run it on zeros and on noise.

    Returns how many samples at once it was seen to run: `batch`, or 1 if it cannot or so many would take too long.
    """
    quiet = environment(TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore")
    with scratch() as folder:
        path = folder / "model.tflite"  # of what is run afterwards; what lies at the path may change
        path.write_bytes(payload)
        try:
            ended = subprocess.run(
                command("tfopt.untrusted.trial", str(path), str(batch)), stdin=subprocess.DEVNULL, capture_output=True,
                env=quiet, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise InputError(f"{name} cannot be run by LiteRT: it took longer than {SECONDS:.0f} s") from None
    said = ended.stdout.decode(errors="replace")
    ran = [int(line.removeprefix(RAN)) for line in said.splitlines() if line.startswith(RAN)]
    if ended.returncode < 0:  # even after it ran: what has written over its memory often ends only later
        raise InputError(f"{name} is damaged: LiteRT crashes on it ({death(ended.returncode)})")
    if ran:
        return ran[-1]
    raise InputError(f"{name} cannot be run by LiteRT: {_reason(said) or f'code {ended.returncode}'}")


def _reason(said: str) -> str:
    return " ".join(said.removeprefix(FAILED).split())[:200]


def _main(path: Path, batch: int) -> None:
    from ai_edge_litert import schema_py_generated as schema

    payload = path.read_bytes()
    if hasattr(signal, "alarm"):
        signal.alarm(2 * int(SECONDS))  # in case that nobody waits for it any more
    _bound(len(payload))
    try:
        interpreter = _loaded(payload)  # which verifies the offsets
        _check(schema.ModelT.InitFromPackedBuf(payload, 0), [getattr(schema.BuiltinOperator, name) for name in COPIES])
        seconds = _run(interpreter)
    except UnicodeDecodeError:
        _fail("the name of a tensor is no text")
    except MemoryError:
        _fail("it asks for more memory than a file of its size needs")
    except Exception as error:  # LiteRT and flatbuffers raise whatever they stumble over
        _fail(str(error) or type(error).__name__)
    print(f"{RAN}1", flush=True)
    if batch * seconds < MOST_SECONDS and _free(interpreter):
        with contextlib.suppress(Exception):
            _resize(interpreter, batch)
            _run(interpreter)
            print(f"{RAN}{batch}", flush=True)


def _check(model: Any, copies: Container[int]) -> None:
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
                _fail("an operation that copies a tensor would change its type")


def _loaded(payload: bytes) -> "Interpreter":
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=payload)
    interpreter.allocate_tensors()
    return interpreter


def _free(interpreter: "Interpreter") -> bool:
    signatures = [detail["shape_signature"] for detail in interpreter.get_input_details()]
    return {signature[0] for signature in signatures if len(signature)} == {-1}


def _resize(interpreter: "Interpreter", batch: int) -> None:
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
                value = _noise(rng, kind, detail) if noise else np.zeros(detail["shape"], kind)
                interpreter.set_tensor(detail["index"], value)
        began = time.perf_counter()
        interpreter.invoke()
        seconds = time.perf_counter() - began
    for detail in interpreter.get_output_details():
        interpreter.get_tensor(detail["index"])
    return seconds


def _noise(rng: Any, kind: "np.dtype[Any]", detail: Json) -> Any:
    """Floats below 1, all values of a quantized type, tokens 0 and 1, which every table has."""
    if kind.kind == "f":
        return rng.random(detail["shape"]).astype(kind)
    if kind.kind == "b" or not detail["quantization"][0]:
        return rng.integers(0, 2, detail["shape"]).astype(kind)
    least, most = -(2 ** (8 * kind.itemsize - 1)), 2 ** (8 * kind.itemsize - 1)
    return (rng.integers(least, most, detail["shape"]) - (least if kind.kind == "u" else 0)).astype(kind)


def _bound(size: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + max(ADDRESSES, FOLD * size)
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _fail(reason: str) -> None:
    print(FAILED, " ".join(reason.split()))
    sys.exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
