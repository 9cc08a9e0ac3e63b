"""What every command does with every kind of task: a table of task and command, with sentences where one refuses.

    python benchmarks/task_matrix.py [--shared FOLDER] [--write FILE] [TASK[:COMMAND,...] ...]

Examples are small (`benchmarks/matrix_tasks.py`), and trained for an epoch or two: what counts is whether a command
works, not how good its model is. A cell is `ok`; `limit`, where the file was written and its report says that it loses
too much (exit 1); the number of a sentence, where a command says why it does not do that (exit 2); or FAILED, if there
was a traceback, an artifact is missing, a number is NaN, or a report lacks the figure of the task with its interval.
Every task has a process of its own, so that one that dies takes no other along.
"""

import argparse
import contextlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.matrix_tasks import EXAMPLES, Example

SECONDS = 3600
SHORT = ("--epochs", "2")
LEAST_WORDS = 5
REPORTS_ELSEWHERE = ("inspect", "bench", "predict")
READING = (*REPORTS_ELSEWHERE, "compare")  # they read what other commands have made
Call = list[str]


class Cell(NamedTuple):
    """What became of a command: ok, limit, refused or FAILED, and the sentence that says why."""

    verdict: str
    sentence: str = ""


COMPARED = ("pruned.keras", "narrow.keras", "binary.keras", "int8.tflite", "qat.tflite")


def calls(example: Example) -> dict[str, list[Call]]:
    """Return the command lines of each column."""
    data, model = list(example.data), example.model
    given = data if example.brought else []  # what a model remembers need not be said

    def technique(command: str, *options: str, out: str, training: Sequence[str] = SHORT) -> list[Call]:
        return [[command, model, *options, *training, *given, "-o", out]]

    def quantized(width: str) -> list[Call]:
        return technique("quantize", f"--{width}", out=f"{width}.tflite", training=())

    bare = model if example.brought else "bare.keras"
    return {
        "train": [["train", *data, *example.train, *SHORT, "-o", "trained.keras" if example.brought else model]],
        "prune": technique("prune", out="pruned.keras"),
        "structured": technique("prune", "--structured", "auto", "--amount", "0.25", out="narrow.keras"),
        "cluster": technique("cluster", "--clusters", "8", out="clustered.keras"),
        "int8": quantized("int8"),
        "dynamic": quantized("dynamic"),
        "float16": quantized("float16"),
        "qat": technique("quantize", "--qat", out="qat.tflite"),
        "binarize": technique("binarize", out="binary.keras"),
        "post-training": technique("binarize", "--post-training", out="rounded.keras", training=()),
        "distill": technique("distill", *example.student, out="student-distilled.keras"),
        "tune": [["tune", *data, "--trials", "1", *SHORT, "-o", "best.keras"]],
        "convert": technique("convert", out="float.tflite", training=()),
        "no data": [["quantize", bare, "--dynamic", "-o", "bare.tflite"]],
        "inspect": [["inspect", model], ["inspect", "int8.tflite"]],
        "debug": [["debug", model, *given]],
        "debug channels": [["debug", model, "--structured", *given]],
        "bench": [["bench", "float.tflite", "int8.tflite"]],
        "compare": [["compare", model, *COMPARED, *given]],
        "predict": [["predict", file, *example.predict] for file in ("pruned.keras", "int8.tflite")],
        "transfer": [["train", "--from", model, *data, *SHORT, "-o", "transferred.keras"]],
    }


COMMANDS = tuple(calls(next(iter(EXAMPLES.values()))))


def run(call: Call) -> tuple[int, str, str]:
    """Run a command line in this process; return its exit code, what it printed and what it said."""
    from tfopt.cli import run

    printed, said = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        code = run([*call, "--json"])
    return code, *(stream.buffer.getvalue().decode() for stream in (printed, said))


def judged(example: Example, call: Call, ended: tuple[int, str, str]) -> Cell:
    """Return what became of a command line."""
    code, printed, said = ended
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    sentence = " ".join(said.split())
    if "Traceback" in said or "unexpected" in sentence or code not in (0, 1, 2):
        return Cell("FAILED", f"exit {code}: {sentence}")
    if code == 2:
        plain = len(errors) == 1 and len(errors[0].split()) >= LEAST_WORDS and "does not exist" not in sentence
        return Cell("refused" if plain else "FAILED", errors[0].removeprefix("error: ") if plain else sentence)
    try:
        report = json.loads(printed, parse_constant=_refuse_constant)
    except ValueError as error:
        return Cell("FAILED", f"no report: {error}")
    if missing := next(_missing(example, call, report), ""):
        return Cell("FAILED", missing)
    if code == 0:
        return Cell("ok")
    failed = [f"{gate['gate']} {gate['found']:.3g}" for gate in report["gates"] if not gate["passed"]]
    return Cell("limit", ", ".join(failed)) if failed else Cell("FAILED", "exit 1 without a limit")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _missing(example: Example, call: Call, report: Any) -> Iterator[str]:
    """Yield what a report or the files of a command lack."""
    if "-o" in call and call[0] != "predict":
        made = Path(call[call.index("-o") + 1])
        wanted = [made, made.with_name(f"{made.name}.report.json")]
        wanted += [made.with_suffix(".tflite")] if call[0] == "binarize" else []
        wanted += [made.with_suffix(".keras")] if "--qat" in call else []
        yield from (f"{path} is not there" for path in wanted if not path.exists())
    if call[0] == "predict":
        answers = report["predictions"]
        yield from () if answers else ["no answers"]
        yield from (f"no answer to {one['input']}" for one in answers if one["answer"] in ("", None))
    elif call[0] not in REPORTS_ELSEWHERE:
        yield from _without_figures(example.figure, report)


def _without_figures(figure: str, report: Any) -> Iterator[str]:
    """Yield which measurement or comparison lacks the figure of the task; without data it is the agreement."""
    if report["data"] is None:
        told = any("are not compared" in note for note in report["notes"])
        bare = [one["name"] for one in report["comparisons"] if one["fidelity"] is None]
        yield from () if told else (f"{name} is compared with nothing, and nothing says why" for name in bare)
        return
    for one in report["measurements"]:
        outputs = one["outputs_scored"]
        wanted = {
            "outputs": [one["deviation"], *(part.get("accuracy") or part.get("deviation") for part in outputs or [{}])],
            "bleu": [one["bleu"], one["accuracy"]],
            "metric": [one["metric"], one["deviation"]],
        }.get(figure, [one.get(figure)])
        yield from (f"{one['name']} has no {figure} with its interval" for part in wanted if not _has_interval(part))
    for one in report["comparisons"]:
        if not (one["accuracy"] or one["deviation"] or one["bleu"]):
            yield f"{one['name']} is not compared by {figure}"


def _has_interval(figure: Any) -> bool:
    ends = [figure.get("low"), figure.get("high")] if figure else [None]
    return all(end is not None and math.isfinite(end) for end in ends)


def row(name: str, shared: Path | None, commands: Sequence[str]) -> Iterator[tuple[str, Cell, float]]:
    """Prepare the example of a task in this empty folder, and yield what each command does with it."""
    from tfopt.evaluation import latency

    latency.WARM_UP, latency.LEAST_ROUNDS, latency.SECONDS = 1, 2, 0.0  # how fast files are is not asked here
    example = EXAMPLES[name]
    example.prepare(shared)
    for command, lines in calls(example).items():
        if command not in commands:
            continue
        start = time.perf_counter()
        if command == "no data" and not example.brought and Path(example.model).exists():
            _forget(Path(example.model), Path("bare.keras"))
        cells = [judged(example, line, run(line)) for line in map(_possible, lines) if line]
        cells = cells or [Cell("-")]
        yield command, max(cells, key=lambda cell: SEVERITY.index(cell.verdict)), time.perf_counter() - start


SEVERITY = ("-", "ok", "limit", "refused", "FAILED")


def _possible(call: Call) -> Call:
    """Return a command line without files that the commands before did not make; nothing if it is about such a file."""
    if call[0] not in READING:
        return call
    gone = [word for word in call if word.endswith((".keras", ".tflite")) and not Path(word).exists()]
    left = [word for word in call if word not in gone]
    return [] if call[0] != "compare" and (call[1] in gone or len(left) == 1) else left


def _forget(model: Path, bare: Path) -> None:
    """Copy a model without what it remembers."""
    with zipfile.ZipFile(model) as whole, zipfile.ZipFile(bare, "w") as kept:
        for name in whole.namelist():
            if name != "tfopt.json":
                kept.writestr(name, whole.read(name))


def matrix(asked: dict[str, Sequence[str]], shared: Path | None) -> dict[str, dict[str, Cell]]:
    """Return the cells of each task that is asked for, by command."""
    found = {}
    for name, commands in asked.items():
        with tempfile.TemporaryDirectory() as folder:
            options = ["--one", name, "--shared", str(shared or ""), ",".join(commands)]
            told = Path(folder) / "told.jsonl"
            environment = os.environ | {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
            ending = f"took more than {SECONDS} seconds"
            with told.open("w") as out, contextlib.suppress(subprocess.TimeoutExpired):
                ended = subprocess.run(
                    [sys.executable, str(Path(__file__).resolve()), *options],
                    cwd=folder, stdout=out, timeout=SECONDS, check=False, env=environment,
                )  # fmt: skip
                ending = f"ended with {ended.returncode}"
            cells = {command: Cell(*cell) for command, cell in map(json.loads, told.read_text().splitlines())}
        found[name] = {command: cells.get(command, Cell("FAILED", f"the process {ending}")) for command in commands}
    return found


def rendered(found: dict[str, dict[str, Cell]]) -> str:
    """Return the table in Markdown, with its sentences below."""
    sentences: list[str] = []
    lines = ["| task | " + " | ".join(COMMANDS) + " |", "|---" * (len(COMMANDS) + 1) + "|"]
    for name, cells in found.items():
        shown = []
        for command in COMMANDS:
            cell = cells.get(command, Cell(""))
            if cell.verdict == "refused" and cell.sentence not in sentences:
                sentences.append(cell.sentence)
            shown.append(f"{sentences.index(cell.sentence) + 1}" if cell.verdict == "refused" else cell.verdict)
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join([*lines, "", *(f"{at}. {sentence}" for at, sentence in enumerate(sentences, 1))])


BEGINS, ENDS = "<!-- the table -->", "<!-- its end -->"


def published(path: Path) -> dict[str, dict[str, Cell]]:
    """Return the cells of a page, as `matrix` does."""
    lines = path.read_text(encoding="utf-8").partition(BEGINS)[2].partition(ENDS)[0].splitlines()
    sentences = dict(line.split(". ", 1) for line in lines if line[:1].isdigit())
    commands, _, *rows = [line.strip("|").split("|") for line in lines if line.startswith("|")] or [[], []]
    found = {}
    for name, *cells in rows:
        shown = dict(zip((word.strip() for word in commands[1:]), (cell.strip() for cell in cells), strict=True))
        found[name.strip()] = {
            command: Cell("refused", sentences[cell]) if cell.isdigit() else Cell(cell)
            for command, cell in shown.items()
            if cell
        }
    return found


def write(path: Path, found: dict[str, dict[str, Cell]]) -> None:
    """Put cells between the comments of a page; others stay as they are."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGINS)
    after = rest.partition(ENDS)[2]
    kept = published(path)
    merged = {name: kept.get(name, {}) | found.get(name, {}) for name in EXAMPLES}
    table = rendered({name: cells for name, cells in merged.items() if cells})
    path.write_text(f"{before}{BEGINS}\n{table}\n{ENDS}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=lambda path: Path(path).resolve() if path else None)
    parser.add_argument("--write", type=Path, help="write the cells into the table of this page")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("tasks", nargs="*", metavar="TASK[:COMMAND,...]")
    asked = parser.parse_args()
    if asked.one:
        for command, cell, seconds in row(asked.one, asked.shared, asked.tasks[0].split(",")):
            print(json.dumps([command, cell]), flush=True)
            print(f"{asked.one}, {command} ({seconds:.0f} s): {': '.join(filter(None, cell))}", file=sys.stderr)
        return 0
    named = [task.partition(":") for task in asked.tasks or EXAMPLES]
    found = matrix({name: commands.split(",") if commands else COMMANDS for name, _, commands in named}, asked.shared)
    print(rendered(found))
    failed = [(name, *told) for name, cells in found.items() for told in cells.items() if told[1].verdict == "FAILED"]
    print(*(f"{name}, {command}: {cell.sentence}" for name, command, cell in failed), sep="\n")
    if asked.write:
        write(asked.write, found)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
