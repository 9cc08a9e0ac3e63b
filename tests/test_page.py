"""The page of a report: names stay whole on narrow terminals, sizes are those of `ls`, figures have labels."""

from io import StringIO

import keras
import numpy as np
import pytest
from rich.console import Console

from tfopt.evaluation.measurement import Measured, compare
from tfopt.formats.loading import load
from tfopt.report.cells import ROWS
from tfopt.report.changes import Comparison, SizeChange
from tfopt.report.schema import Latency, LayerChange, Measurement, Report
from tfopt.report.terminal import render_report

NAMES = ("model-pruned-clustered.keras", "model-pruned-clustered-float.tflite", "model-pruned-clustered-int8.tflite")
SIZE = SizeChange(against=NAMES[1], file_bytes=-0.6, gzip_bytes=-0.6, nonzero_parameters=0.0, verdict="smaller")


def measured(name, **more):
    timed = Latency(median_ms=0.0123, p95_ms=0.0456, runs=300, runtime="LiteRT, 1 thread")
    sizes = dict.fromkeys(("file_bytes", "gzip_bytes", "parameters", "nonzero_parameters", "macs"), 228_900)
    return Measurement(name=name, format=name.rsplit(".")[-1], latency=timed, **(sizes | more))


def page(report, width, **options):
    console = Console(file=StringIO(), width=width)
    console.print(render_report(report, **options))
    return console.file.getvalue()


def report(names=NAMES):
    layer = LayerChange(
        layer="block_3_expanded_convolution", kind="DepthwiseConv2D", action="skipped", detail="it " * 30, weights=9
    )
    versions = {"python": "3.11", "tfopt": "0.1.0", "tensorflow": "2.21.0", "numpy": "2.4"}
    return Report(
        command="c", config={}, data=None, measurements=[measured(name) for name in names], comparisons=[],
        layers=[layer], seed=3, versions=versions,
    )  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 160])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_names_stay_whole_on_a_narrow_terminal(width, count):
    names = [*NAMES, "model-pruned-clustered-dynamic.tflite"][:count]
    shown = page(report(names), width)
    assert all(name in shown for name in names)
    assert "block_3_expanded_convolution" in shown
    assert max(map(len, shown.splitlines())) <= width


def test_files_are_side_by_side_on_a_narrow_terminal_by_number_where_their_names_are_long():
    compared = report().model_copy(update={"comparisons": [Comparison(name=NAMES[2], size=SIZE, latency=None)]})
    lines = page(compared, 60).splitlines()
    assert all(f"({number}) {name}" in lines for number, name in enumerate(NAMES, 1))
    assert sum(line.startswith("file") for line in lines) == 1
    [against] = [line.split() for line in lines if line.startswith("size, speed vs")]
    assert against[-1] == "(2)"


def test_rows_without_a_cell_are_left_out():
    pair = report(NAMES[1:]).model_copy(update={"comparisons": [Comparison(name=NAMES[2], size=None, latency=None)]})
    assert "verdict" not in page(pair, 160)  # of files without data or a peer


def test_bytes_that_say_how_a_model_was_made_make_it_neither_larger_nor_smaller():
    plain, told = measured("a.keras"), measured("b.keras", file_bytes=231_900, metadata_bytes=3000)
    verdicts = [compare([Measured(one, None, None) for one in pair])[0].size for pair in ((plain, told), (told, plain))]
    assert [found.verdict for found in verdicts] == ["no gain", "no gain"]
    assert verdicts[0].file_bytes == pytest.approx(3000 / 228_900)


def test_a_file_of_a_model_without_data_does_not_claim_to_remember_them(tmp_path):
    from tfopt.api import convert

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    [note] = [note for note in convert(model).report.notes if "remembers" in note]
    assert "remembers how it was made (history) in" in note


@pytest.mark.parametrize("width", [45, 60, 80, 120])
def test_many_files_are_one_table_on_a_narrow_terminal_too(width):
    names = ["model.keras", "model-pruned.keras", "model.tflite", "model-int8.tflite", "model-pruned-int8.tflite"]
    lines = page(report(names), width).splitlines()
    assert sum("on the test split" in line or line.split()[:1] == ["file"] for line in lines) <= 1
    assert sum("gzip" in line for line in lines) == len(names)
    assert max(map(len, lines)) <= width
    assert sum(line.count("ms") for line in lines) == 3 * len(names)  # of two times and of params: nothing is cut off


def test_how_it_was_timed_and_versions_are_one_line_unless_all_is_wanted():
    short, whole = page(report(), 160), page(report(), 160, everything=True)
    assert sum("300 runs" in line or "tensorflow" in line for line in short.splitlines()) == 1
    assert "numpy" not in short
    assert all(word in whole for word in ("numpy 2.4", "in turns in random order", "LiteRT, 1 thread"))


def test_times_have_labels():
    latency = dict(ROWS)["latency, batch 1"]
    assert latency(measured("m.tflite"), None) == "median 0.0123 ms, p95 0.0456 ms"


def test_the_size_on_disk_is_shown_where_it_is_another_one(tmp_path):
    from tfopt.api import evaluate

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Dense(3)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.zeros((8, 4)), np.zeros((8, 3)), verbose=0)
    model.save(tmp_path / "m.keras")
    size = (tmp_path / "m.keras").stat().st_size
    assert load(tmp_path / "m.keras").optimizer_bytes > 0
    found = evaluate(tmp_path / "m.keras").measurements[0]
    assert (found.disk_bytes, found.file_bytes < size) == (size, True)
    assert f"{found.file_bytes / 1e3:.1f} kB ({size / 1e3:.1f} kB on disk)" in dict(ROWS)["file"](found, None)
    assert dict(ROWS)["file"](measured("m.tflite", disk_bytes=228_900), None) == "228.9 kB"
