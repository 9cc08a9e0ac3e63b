"""The parent of the converting process: a crash, an error or a time-out in there becomes one sentence."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfopt.errors import ConversionError
from tfopt.litert.job import STAGE, STAGES, Job
from tfopt.progress import Progress

TIME_LIMIT = 900.0


class Converted(NamedTuple):
    """The bytes of the float file and, if a precision was asked for, of the quantized file made from it."""

    float32: bytes
    quantized: bytes


def convert(
    payload: bytes,
    name: str,
    job: Job,
    progress: Progress,
    *,
    calibration: NDArray[Any] | None = None,
    time_limit: float = TIME_LIMIT,
) -> Converted:
    """Convert the `.keras` bytes of model `name`; `calibration` (N, ...) is needed for int8.

    Raises `ConversionError` if the child process fails, dies or takes longer than `time_limit` seconds.
    """

    def prepare(folder: Path) -> None:
        (folder / "model.keras").write_bytes(payload)
        if calibration is not None:
            np.save(folder / "calibration.npy", calibration)

    return convert_prepared(prepare, name, job, progress, time_limit)


def convert_prepared(
    prepare: Callable[[Path], None], name: str, job: Job, progress: Progress, time_limit: float = TIME_LIMIT
) -> Converted:
    """Run `job` on what `prepare` writes into its folder (see `worker`)."""
    with tempfile.TemporaryDirectory(prefix="tfopt-") as temporary:
        folder = Path(temporary)
        (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        prepare(folder)
        _run(folder, name, progress, time_limit)
        quantized = (folder / "quantized.tflite").read_bytes() if job.precision else b""
        return Converted((folder / "float.tflite").read_bytes(), quantized)


def _run(folder: Path, name: str, progress: Progress, time_limit: float) -> None:
    command = [sys.executable, "-m", "tfopt.litert.worker", str(folder)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    late = threading.Event()
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        ) as process,
    ):

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(time_limit, stop)
        timer.start()
        try:
            _follow(process, progress)
        finally:
            timer.cancel()
            process.kill()
    if late.is_set():
        raise ConversionError(f"{name} was not converted within {time_limit:g} s")
    if process.returncode:
        raise ConversionError(_reason(folder, name, process.returncode))


def _follow(process: "subprocess.Popen[str]", progress: Progress) -> None:
    """Show the stages until the process ends; whatever else the libraries print is dropped."""
    assert process.stdout is not None
    with progress.task("converting", STAGES + 1) as advance:
        for line in process.stdout:
            if line.startswith(STAGE):
                advance(1, line.removeprefix(STAGE).strip())
        process.wait()
        advance(1)


def _reason(folder: Path, name: str, code: int) -> str:
    if code < 0:
        return f"the converter crashed on {name} ({signal.Signals(-code).name}); nothing was lost"
    error = folder / "error.txt"
    text = error.read_text(encoding="utf-8") if error.exists() else f"exit code {code}"
    if "TensorList" in text:
        return f"{name} has a recurrent layer, which cannot be converted to LiteRT yet"
    line = " ".join(text.split("<unknown>")[0].split("loc(")[0].split())[:200]
    return f"{name} cannot be converted to LiteRT: {line}"
