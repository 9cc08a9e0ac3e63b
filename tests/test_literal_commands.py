"""The three commands of the README, typed literally, in an empty folder: what they write, print and reach."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import process
from tfopt.formats.loading import load_keras

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"<!-- output of (.*?) -->\n```text\n(.*?)```", README, flags=re.S))
LABELS = 16  # width of the column of labels
FIXED = ("file", "parameters", "not zero", "MACs")


def test_all_three_succeed_and_write_what_they_say(literal):
    folder, ended = literal
    assert {name: result.code for name, result in ended.items()} == {"train": 0, "prune": 0, "quantize": 0}
    models = {"model.keras", "model-pruned.keras", "model-pruned-int8.tflite"}
    assert {path.name for path in folder.iterdir()} == models | {f"{name}.report.json" for name in models}


def test_each_prints_its_report_and_quantize_says_which_model_it_took(literal):
    _, ended = literal
    for name, result in ended.items():
        assert f"tfopt {name} · digits" in result.out
        assert "test accuracy" in result.out
    assert "quantizing model-pruned.keras, the newest Keras model here that tfopt wrote" in ended["quantize"].err


def test_no_line_of_tensorflow_reaches_the_terminal(literal):
    _, ended = literal
    for name, result in ended.items():
        assert all(line.startswith(("wrote ", "quantizing ")) for line in result.err.splitlines()), (name, result.err)
        assert "Warning" not in result.out


def test_training_reaches_97_5_percent_and_says_which_replica_ran(report_of):
    report = report_of("model.keras")
    [measured] = report["measurements"]
    assert measured["accuracy"]["value"] >= 0.975
    assert measured["accuracy"]["total"] == 359
    assert measured["accuracy"]["low"] < measured["accuracy"]["value"] < measured["accuracy"]["high"]
    assert [device.split("/")[-1] for device in report["replicas"]] in (["device:CPU:0"], ["device:GPU:0"])


def test_pruning_by_half_gives_that_sparsity_and_loses_at_most_a_point(literal, report_of):
    folder, _ = literal
    report = report_of("model-pruned.keras")
    assert report["comparisons"][0]["accuracy"]["change"] >= -0.01
    kernels = [w.numpy() for w in load_keras(folder / "model-pruned.keras").model.weights if w.name == "kernel"]
    assert len(kernels) == 5
    assert [float(np.mean(kernel == 0)) for kernel in kernels] == pytest.approx([0.5] * 5, abs=0.01)
    assert report["comparisons"][0]["size"]["gzip_bytes"] < -0.25


@pytest.mark.slow
def test_pruning_to_80_percent_loses_at_most_two_points(literal):
    folder, _ = literal
    ended = process("prune", "model.keras", "--sparsity", 0.8, "-o", "80.keras", "--json", folder=folder)
    for path in folder.glob("80.keras*"):
        path.unlink()
    assert ended.code == 0, ended.err
    assert ended.report["comparisons"][0]["accuracy"]["change"] >= -0.02
    sparsities = [layer["sparsity"] for layer in ended.report["layers"] if layer["action"] == "pruned"]
    assert sparsities == pytest.approx([0.8] * 5, abs=0.01)


def test_the_pruned_model_is_a_plain_keras_model_compiled_as_before(literal):
    folder, _ = literal
    before = keras.saving.load_model(folder / "model.keras")
    after = keras.saving.load_model(folder / "model-pruned.keras")
    assert json.loads(after.to_json())["config"]["layers"] == json.loads(before.to_json())["config"]["layers"]
    assert after.loss.get_config() == before.loss.get_config()
    assert after.optimizer.get_config() == before.optimizer.get_config()
    after.evaluate(np.zeros((2, 8, 8, 1)), np.zeros(2), verbose=0)


def test_int8_is_at_most_45_percent_of_float_and_at_most_0_7_points_below(report_of):
    report = report_of("model-pruned-int8.tflite")
    original, float_file, int8_file = report["measurements"]
    assert (original["format"], float_file["format"], int8_file["format"]) == ("keras", "tflite", "tflite")
    assert int8_file["file_bytes"] <= 0.45 * float_file["file_bytes"]
    against_float = int8_file["accuracy"]["value"] - float_file["accuracy"]["value"]
    assert against_float >= -0.007
    assert report["comparisons"][1]["size"]["against"] == float_file["name"]


def test_sizes_of_different_formats_are_not_compared(report_of):
    float_file, int8_file = report_of("model-pruned-int8.tflite")["comparisons"]
    assert float_file["size"] is None
    assert float_file["latency"] is None
    assert int8_file["latency"]["against"] == float_file["name"]


def test_the_json_report_holds_every_figure_of_the_table(report_of):
    report = report_of("model-pruned.keras")
    from rich.console import Console

    from tfopt.report.schema import Report
    from tfopt.report.terminal import render_report

    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(render_report(Report.model_validate(report)))
    shown = console.export_text()
    for measured in report["measurements"]:
        assert f"{measured['file_bytes'] / 1e3:.1f} kB" in shown
        assert f"{measured['gzip_bytes'] / 1e3:.1f} kB" in shown
        assert f"{measured['nonzero_parameters']:,}" in shown
        assert f"{measured['macs']:,}" in shown
        assert f"{measured['accuracy']['value']:.2%}" in shown
        assert f"{measured['latency']['median_ms']:.3g} ms" in shown
    assert f"{report['comparisons'][0]['accuracy']['p_value']:.2g}" in shown
    assert f"{report['comparisons'][0]['latency']['ratio']:.2f}x" in shown


def test_before_training_the_other_two_name_the_way_out(tmp_path):
    for command in (("prune", "model.keras", "--sparsity", "0.5"), ("quantize", "--int8")):
        ended = process(*command, folder=tmp_path)
        assert ended.code == 2
        assert ended.out == ""
        assert re.fullmatch(r"error: .*train one with `tfopt train`, or try a file of sample_models/\n", ended.err)
    assert list(tmp_path.iterdir()) == []


def test_zeros_show_in_the_compressed_size_only_and_that_is_the_verdict(report_of):
    [comparison] = report_of("model-pruned.keras")["comparisons"]
    assert comparison["size"]["verdict"] == "smaller when compressed"
    assert abs(comparison["size"]["file_bytes"]) < 0.005
    assert comparison["size"]["gzip_bytes"] < -0.2


@pytest.mark.parametrize("name", ["train", "prune", "quantize"])
def test_the_output_that_the_readme_shows_is_that_of_the_commands(literal, name):
    _, ended = literal
    [shown] = [text for command, text in SHOWN.items() if command.split()[1] == name]
    ours, theirs = _rows(shown), _rows(ended[name].out)
    assert list(ours) == list(theirs)
    for label in FIXED:  # but for rounding, which differs from processor to processor and with it the size of a file
        assert _numbers(ours[label]) == pytest.approx(_numbers(theirs[label]), rel=0.01), label


def _rows(output):
    """First column of the first table, and the cells behind it."""
    lines = output.split("─\n", 1)[1].splitlines()
    rows = {}
    for line in lines:
        if line.startswith(("layer ", "note: ")):
            break
        label = line[:LABELS].strip()
        if label:
            rows[label] = re.split(r"\s{2,}", line[LABELS:].strip())
    return rows


def _numbers(cells):
    return [float(re.findall(r"[\d.,]+", cell)[0].replace(",", "")) for cell in cells]
