"""What targets run of models that others trained, and the figures of their own tools beside those of `tfopt check`.

    python benchmarks/targets.py models SHARED [PATTERN] [--write docs/targets-of-models.md]
    python benchmarks/targets.py arena SHARED
    python benchmarks/targets.py vela SHARED

SHARED has `models`. `models`: each as a file of integers (calibrated on noise: what runs does not depend on it), or of
floats where that cannot be made, on each target. `arena`: the smallest arena that `check` states, and whether
AllocateTensors succeeds in it and fails in 16 bytes less. `vela`: flash, SRAM and cycles beside those that the command
`vela` prints of the same file. Exit 1 if one differs, or if something does not run and no reason is given.
"""

import argparse
import contextlib
import csv
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import tfopt
from tfopt.config.fields import Config
from tfopt.errors import TfoptError
from tfopt.formats.tflite.micro_runtime import micro_interpreter
from tfopt.graph.random_inputs import random_inputs
from tfopt.report.target_fit import OperationFit, TargetReport
from tfopt.runtime.fork import holds
from tfopt.runtime.native_code import native_output

TARGETS = ("litert", "tflm", "ethos-u55-128", "ethos-u85-256", "edgetpu")
WRONG = ("no", "partly", "unknown")
BEGINS, ENDS = "<!-- the table -->", "<!-- its end -->"
SUFFIXES = (".h5", ".keras", ".tflite")
SAMPLES = Path(__file__).parents[1] / "sample_models"
CONFIGURATIONS = ("ethos-u55-128", "ethos-u65-256", "ethos-u85-256")


def models(shared: Path, pattern: str) -> Iterator[Path]:
    """Yield the models in a folder."""
    for path in sorted((shared / "models").rglob("*")):
        if pattern in str(path) and (path.suffix in SUFFIXES or (path / "saved_model.pb").exists()):
            yield path


def file_of(path: Path, folder: Path) -> tuple[Path, str]:
    """Return a `.tflite` file of a model, and of which numbers it is; raise `TfoptError` if none can be made."""
    if path.suffix == ".tflite":
        return path, "as it is"
    artifact = tfopt.load(path)
    arrays = {
        name: np.concatenate([one.numpy()] * 8)
        for name, one in zip(artifact.input_names, random_inputs(artifact.model), strict=True)
    }
    np.savez(folder / "noise.npz", **arrays)
    tried: list[tuple[str, Config]] = [
        ("integers", tfopt.QuantizeConfig(io="int8", batch=1, calibration=folder / "noise.npz")),
        ("integers inside", tfopt.QuantizeConfig(batch=1, calibration=folder / "noise.npz")),
        ("floats", tfopt.FloatConfig(batch=1)),
    ]
    for kind, config in tried:
        try:
            made = tfopt.Pipeline([config]).run(path).artifact
        except TfoptError as error:
            why = str(error)
            continue
        return made.save(folder / f"{path.stem}.tflite", force=True), kind
    raise TfoptError(why)


def told(report: TargetReport, reasons: list[str]) -> str:
    """Return a cell: whether it runs, the working memory, and the numbers of the reasons for what does not."""
    found = [*dict.fromkeys(_reason(one) for one in report.operations if one.support in WRONG)]
    if not report.runs and not found:
        found = [note.removeprefix(f"{report.name} ") for note in report.notes[-1:]]
    reasons += [reason for reason in found if reason not in reasons]
    wrong = sum(one.support in WRONG for one in report.operations)
    memory = "" if report.ram.value is None else f", {report.ram.value / 1000:,.1f} kB"
    verdict = "does not run" if not report.runs else f"{wrong} of {len(report.operations)} not" if wrong else "runs"
    numbers = ", ".join(f"{reasons.index(reason) + 1}" for reason in found)
    return f"{verdict}{memory}{f' ({numbers})' if numbers else ''}"


def _reason(one: OperationFit) -> str:
    """Return why an operation does not run; its kind only where the reason does not say what would help."""
    reason = one.reason.removeprefix("on the CPU: ")
    return f"{one.kind}: {reason}" if reason == "Unsupported opType" or "differ" in reason else reason


def show_models(console: Console, shared: Path, pattern: str, page: Path | None) -> bool:
    """Show every model on every target, and write the table into a page; return whether all is explained."""
    explained, reasons = True, list[str]()
    lines = ["| Model | Numbers | File, bytes | " + " | ".join(TARGETS) + " |", "|---" * (3 + len(TARGETS)) + "|"]
    for path in models(shared, pattern):
        name = path.relative_to(shared / "models")
        with tempfile.TemporaryDirectory() as folder:
            try:
                file, kind = file_of(path, Path(folder))
            except TfoptError as error:
                cells = ["-", "-", str(error).replace(f"{path.parent}/", ""), *["-"] * (len(TARGETS) - 1)]
            else:
                cells = [kind, f"{file.stat().st_size:,}"]
                for target in TARGETS:
                    try:
                        report = tfopt.check(file, tfopt.CheckConfig(target=target))
                    except TfoptError as error:
                        cells.append(str(error))
                        continue
                    cells.append(told(report, reasons))
                    explained &= report.runs or "(" in cells[-1]
                    explained &= all(one.support == "runs" or bool(one.reason) for one in report.operations)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        console.print(lines[-1], soft_wrap=True, markup=False)
    notes = [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    console.print(*notes, sep="\n", soft_wrap=True, markup=False)
    if page:
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGINS)
        table = "\n".join([BEGINS, *lines, "", *notes, ENDS])
        page.write_text(f"{before}{table}{rest.partition(ENDS)[2]}", encoding="utf-8")
    return explained


def integer_files(shared: Path, folder: Path) -> Iterator[Path]:
    """Yield the reference files of MLPerf Tiny, its models and the samples in integers."""
    yield from sorted((shared / "models/mlperf_tiny/ref_tflite").glob("*.tflite"))
    for path in (*models(shared, "mlperf_tiny/tiny"), *sorted(SAMPLES.glob("*.keras"))):
        with contextlib.suppress(TfoptError):
            yield file_of(path, folder)[0]


def show_arenas(console: Console, shared: Path) -> bool:
    """Try the stated arena, and 16 bytes less."""
    table, right = Table("file", "arena", "in it", "in 16 bytes less"), True
    with tempfile.TemporaryDirectory() as folder:
        for path in integer_files(shared, Path(folder)):
            report = tfopt.check(path, tfopt.CheckConfig(target="tflm"))
            if report.ram.value is None:
                table.add_row(path.name, "-", report.notes[-1], "")
                continue
            size = int(report.ram.value)
            found = [_allocates(path.read_bytes(), each) for each in (size, size - 16)]
            right &= found == [True, False]
            table.add_row(path.name, f"{size:,}", *("succeeds" if one else "fails" for one in found))
    console.print(table)
    return right


def _allocates(payload: bytes, size: int) -> bool:
    def runs() -> bool:
        with native_output():
            try:
                micro_interpreter(payload, size).invoke()
            except RuntimeError:
                return False
        return True

    return holds(runs)


def show_vela(console: Console, shared: Path) -> bool:
    """Set the figures of `check` beside those of the command `vela`."""
    table, right = Table("file", "target", "RAM", "Vela's", "cycles", "Vela's"), True
    with tempfile.TemporaryDirectory() as folder:
        for path in integer_files(shared, Path(folder)):
            for target in CONFIGURATIONS:
                report = tfopt.check(path, tfopt.CheckConfig(target=target))
                summary = _summary(path, target)
                ram, cycles = 1024 * float(summary["sram_memory_used"]), int(float(summary["cycles_total"]))
                right &= (report.ram.value or 0) == ram and report.details["cycles"].startswith(f"{cycles:,} ")
                table.add_row(
                    path.name,
                    target,
                    f"{report.ram.value or 0:,.0f}",
                    f"{ram:,.0f}",
                    report.details["cycles"],
                    f"{cycles:,}",
                )
    console.print(table)
    return right


def _summary(path: Path, target: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).with_name("vela"), path, "--accelerator-config", target, "--output-dir", folder]
        subprocess.run(command, check=True, capture_output=True)
        text = next(Path(folder).glob("*_summary_*.csv")).read_text(encoding="utf-8")
    return next(csv.DictReader(io.StringIO(text)))


def main(part: str, shared: str, pattern: str = "", page: Path | None = None) -> int:
    """Run a part; return the exit code."""
    console = Console(width=160)
    if part == "models":
        return int(not show_models(console, Path(shared), pattern, page))
    return int(not {"arena": show_arenas, "vela": show_vela}[part](console, Path(shared)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("models", "arena", "vela"))
    parser.add_argument("shared")
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--write", type=Path, dest="page", metavar="PAGE")
    sys.exit(main(**vars(parser.parse_args())))
