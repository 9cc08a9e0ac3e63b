"""The matrix of tasks and commands: what counts as a failed cell, and that the published table is true."""

import json
from pathlib import Path

import pytest

from benchmarks.matrix_tasks import EXAMPLES
from benchmarks.task_matrix import BEGINS, COMMANDS, ENDS, Cell, judged, matrix, published, rendered, write

PAGE = Path(__file__).parents[1] / "docs" / "task-matrix.md"
INTERVAL = {"low": 0.1, "high": 0.2}
MEASURED = {
    "name": "a.keras",
    "accuracy": INTERVAL,
    "deviation": None,
    "bleu": None,
    "metric": None,
    "outputs_scored": [],
}
COMPARED = {"name": "b.keras", "accuracy": INTERVAL, "deviation": None, "bleu": None, "fidelity": None}
REPORT = {"data": {}, "measurements": [MEASURED], "comparisons": [COMPARED], "gates": [], "notes": []}


def verdict(task, report, code=0, said="", call=("evaluate", "a.keras")):
    return judged(EXAMPLES[task], list(call), (code, json.dumps(report), said))


def test_a_report_needs_the_figure_of_its_task_with_an_interval():
    assert verdict("segmentation", REPORT) == Cell("ok")
    assert verdict("regression", REPORT) == Cell("FAILED", "a.keras has no deviation with its interval")
    one_sided = REPORT | {"measurements": [MEASURED | {"accuracy": {"low": None, "high": 0.2}}]}
    assert verdict("segmentation", one_sided).verdict == "FAILED"
    silent = REPORT | {"comparisons": [COMPARED | {"accuracy": None}]}
    assert verdict("segmentation", silent) == Cell("FAILED", "b.keras is not compared by accuracy")
    assert verdict("several outputs", REPORT).verdict == "FAILED"
    unlabelled = REPORT | {"data": None}
    assert verdict("segmentation", unlabelled).sentence == "b.keras is compared with nothing, and nothing says why"


def test_nan_a_traceback_and_a_file_that_is_missing_are_failures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nan = REPORT | {"history": [{"loss": float("nan")}]}
    assert verdict("segmentation", nan) == Cell("FAILED", "no report: NaN is no JSON")
    assert verdict("segmentation", REPORT, said="Traceback (most recent call last)").verdict == "FAILED"
    made = ("prune", "a.keras", "-o", "b.keras")
    assert verdict("segmentation", REPORT, call=made) == Cell("FAILED", "b.keras is not there")


def test_a_refusal_is_one_sentence_and_a_limit_is_named():
    assert verdict("segmentation", {}, 2, "error: a.keras cannot be used so\n") == Cell(
        "refused", "a.keras cannot be used so"
    )
    for said in (
        "error: no\n",
        "error: one two three four\nerror: one two three four\n",
        "error: unexpected KeyError: x",
    ):
        assert verdict("segmentation", {}, 2, said).verdict == "FAILED"
    lost = REPORT | {"gates": [{"gate": "max-drop", "found": 0.2, "passed": False}]}
    assert verdict("segmentation", lost, 1) == Cell("limit", "max-drop 0.2")
    assert verdict("segmentation", REPORT, 1).verdict == "FAILED"


def test_the_table_has_a_row_a_task_and_a_sentence_once():
    shown = rendered(
        {"a": {"train": Cell("ok"), "tune": Cell("refused", "No.")}, "b": {"tune": Cell("refused", "No.")}}
    )
    assert shown.count("No.") == 1
    assert [line.split(" | ")[COMMANDS.index("tune") + 1] for line in shown.splitlines()[2:4]] == ["1", "1"]


def test_cells_written_to_a_page_leave_its_other_cells_as_they_are(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n{BEGINS}\n{ENDS}\nAfter.\n")
    write(page, {"regression": {"train": Cell("ok"), "tune": Cell("refused", "No. Never.")}})
    write(page, {"regression": {"train": Cell("limit", "0.2")}, "forecasting": {"tune": Cell("refused", "Not now.")}})
    assert published(page)["regression"]["tune"] == Cell("refused", "No. Never.")
    assert published(page)["regression"]["train"] == Cell("limit")
    assert published(page)["forecasting"]["tune"] == Cell("refused", "Not now.")
    assert page.read_text().partition(BEGINS)[0] == "Before.\n"
    assert page.read_text().partition(ENDS)[2] == "\nAfter.\n"


def test_the_page_has_all_tasks_and_commands_and_no_failure():
    assert list(published(PAGE)) == list(EXAMPLES)
    for cells in published(PAGE).values():
        assert tuple(cells) == COMMANDS
        assert {cell.verdict for cell in cells.values()} <= {"ok", "limit", "-", "refused"}


LIKELY = {
    "multi-label classification": ("train", "distill", "transfer"),
    "forecasting": ("train", "structured", "transfer"),
    "translation": ("train", "post-training", "no data"),
    "segmentation": ("train", "structured", "post-training", "distill"),
    "image to image": ("train", "qat"),
    "anomaly detection": ("train", "distill", "transfer"),
    "several outputs": ("structured", "distill", "transfer"),
    "the model's own loss": ("prune", "distill", "transfer"),
    "text classification": ("train", "binarize", "no data"),
    "sounds": ("train", "int8", "predict"),
    "KerasHub image classifier": ("structured", "distill", "transfer"),
}


@pytest.mark.slow
@pytest.mark.parametrize("task", LIKELY)
def test_cells_that_break_easily_are_as_published(task):
    if task.startswith("KerasHub"):
        pytest.importorskip("keras_hub", reason="the extra `hub` is not installed")
    found = matrix({task: LIKELY[task]}, None)[task]
    for command, cell in found.items():
        assert cell.verdict != "FAILED", (command, cell.sentence)
        assert (cell.verdict == "refused") == (published(PAGE)[task][command].verdict == "refused"), (
            command,
            cell.sentence,
        )
