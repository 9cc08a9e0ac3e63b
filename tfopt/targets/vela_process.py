"""Vela, Arm's compiler for Ethos-U, run in a child process (see `ethos_u`): it prints, writes files and may crash."""

import csv
import re
from pathlib import Path

from ethosu.vela import vela

from tfopt.runtime.native_code import native_output
from tfopt.runtime.progress import Progress
from tfopt.typing import Json

WARNING = re.compile(
    r"Warning \([^)]*\) operator: (?P<kind>\S+), ofm: '(?P<output>[^']*)'\s*Reason: (?P<reason>.*?)\n\n", re.S
)


def compile_file(progress: Progress, path: str, accelerator: str) -> Json:
    """Compile a file, whose tensors have names of their own, and return what Vela says.

    Args:
        progress: Is told the stage.
        path: The file; the compiled one is put beside it.
        accelerator: Such as "ethos-u55-128".

    Returns:
        `summary`: its figures by name; `reasons`: by the name of an operation's output, why it is left to the CPU;
        `on_cpu`: the names of the outputs of operations that are.
    """
    folder = Path(path).parent
    options = ["--accelerator-config", accelerator, "--output-dir", str(folder), "--verbose-performance"]
    with progress.task("compiling with Vela", None), native_output() as lines:
        code = vela.main([path, *options])
        said = lines()
    if code:
        raise ValueError(next((line for line in said if "rror" in line), "it fails"))
    [summary] = _rows(folder, "*_summary_*.csv")
    layers = _rows(folder, "*_per-layer.csv")
    text = "\n".join([*said, "", ""])
    return {
        "summary": summary,
        "reasons": {one["output"]: _reason(one["reason"]) for one in WARNING.finditer(text)},
        "on_cpu": [row["Name"] for row in layers if row.get("Target") == "CPU"],
    }


def _reason(said: str) -> str:
    """Return the lines of a reason as one, without the names of tensors, which are numbers here."""
    return re.sub(r" \([^()]*\)", "", "; ".join(line.strip() for line in said.splitlines() if line.strip()))


def _rows(folder: Path, pattern: str) -> list[dict[str, str]]:
    files = sorted(folder.glob(pattern))
    if not files:
        return []
    with files[0].open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
