"""A `.tflite` is native code's input: it is run once in a process of its own, with a bound on memory and time.

LiteRT verifies that the offsets of a file stay inside it, but not that its operations agree with their tensors; what
makes the interpreter crash, hang or swell does so there. That process (`python -m tfopt.untrusted.trial FILE`) is this
file, too.
"""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

from tfopt.children import command, environment
from tfopt.errors import InputError

SECONDS = 45.0
ADDRESSES = 2_000_000_000  # bytes that a small file may take, beside what the process has
FOLD = 12  # times the size of a large file: XNNPACK packs the weights again


def try_tflite(path: Path) -> None:
    """Raise `InputError` in one sentence if LiteRT cannot load `path` and run it on zeros and on noise."""
    quiet = environment(TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore")
    try:
        ended = subprocess.run(
            command("tfopt.untrusted.trial", str(path)), stdin=subprocess.DEVNULL, capture_output=True, env=quiet,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise InputError(f"{path} cannot be run by LiteRT: it took longer than {SECONDS:.0f} s") from None
    if ended.returncode < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-ended.returncode).name
            raise InputError(f"{path} is damaged: LiteRT crashes on it ({how})")
    if ended.returncode:
        reason = " ".join(ended.stdout.decode(errors="replace").split())[:200] or f"code {ended.returncode}"
        raise InputError(f"{path} cannot be run by LiteRT: {reason}")


def _main(path: Path) -> None:
    from ai_edge_litert import schema_py_generated as schema

    payload = path.read_bytes()
    if hasattr(signal, "alarm"):
        signal.alarm(2 * int(SECONDS))  # in case that nobody waits for it any more
    _bound(len(payload))
    try:
        _run(payload)
        model = schema.ModelT.InitFromPackedBuf(payload, 0)
        for tensor in [tensor for graph in model.subgraphs for tensor in graph.tensors]:
            (tensor.name or b"").decode()
    except UnicodeDecodeError:
        _fail("the name of a tensor is no text")
    except MemoryError:
        _fail("it asks for more memory than a file of its size needs")
    except Exception as error:  # LiteRT and flatbuffers raise whatever they stumble over
        _fail(str(error) or type(error).__name__)


def _run(payload: bytes) -> None:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=payload)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    details = interpreter.get_input_details()
    for noise in (0.0, 1.0):
        for detail in details:
            kind = np.dtype(detail["dtype"])
            if kind.kind in "fiub":
                interpreter.set_tensor(detail["index"], (rng.random(detail["shape"]) * noise).astype(kind))
        interpreter.invoke()
    for detail in interpreter.get_output_details():
        interpreter.get_tensor(detail["index"])


def _bound(size: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + max(ADDRESSES, FOLD * size)
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _fail(reason: str) -> None:
    print(reason)
    sys.exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
