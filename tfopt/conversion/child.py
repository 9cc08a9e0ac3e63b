"""The parent of the converting processes: a crash, an error or a time-out in there becomes one sentence."""

import subprocess
import threading
from pathlib import Path

from pydantic import BaseModel

from tfopt.conversion.jobs import STAGE
from tfopt.errors import ConversionError
from tfopt.runtime.processes import command, death, environment
from tfopt.runtime.progress import Progress

TIME_LIMIT = 900.0


def run_child(
    module: str, folder: Path, job: BaseModel, title: str, progress: Progress, *, time_limit: float = TIME_LIMIT
) -> None:
    """Run `python -m tfopt.MODULE FOLDER` on `job`; it reads from the folder and writes into it.

    Raises `ConversionError` if the process fails, dies or takes longer than `time_limit` seconds.
    """
    (folder / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
    started = command(f"tfopt.{module}", str(folder))
    quiet = environment(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore")
    late = threading.Event()
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(
            started,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=quiet,
            encoding="utf-8",
            errors="replace",
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
        raise ConversionError(f"{title} was not converted within {time_limit:g} s")
    if process.returncode:
        raise ConversionError(_reason(folder, title, process.returncode))


def _follow(process: "subprocess.Popen[str]", progress: Progress) -> None:
    """Show the stages until the process ends; whatever else the libraries print is dropped."""
    assert process.stdout is not None
    with progress.task("converting", None) as advance:
        for line in process.stdout:
            if line.startswith(STAGE):
                advance(1, line.removeprefix(STAGE).strip())
        process.wait()


def _reason(folder: Path, title: str, code: int) -> str:
    if code < 0:
        return f"the converter crashed on {title} ({death(code)}); nothing was lost"
    error = folder / "error.txt"
    text = error.read_text(encoding="utf-8") if error.exists() else f"exit code {code}"
    line = " ".join(text.split("<unknown>")[-1].split("loc(")[0].split()).removeprefix(":0: error: ")[:200]
    return f"{title} cannot be converted to LiteRT: {line}"
