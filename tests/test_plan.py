"""The plan of `--dry-run`: each layer, and what the run then reports of it; nothing is trained or written."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from rich.console import Console

import tfopt as library
from tests.conftest import SAMPLES, process
from tests.recipes import quick_recipe
from tfopt.report.plan import Plan, render_plan


def test_a_dry_run_writes_nothing_but_the_recipe(tfopt, tmp_path, sample):
    ended = tfopt("prune", "sample.keras", "--sparsity", "0.5", "--dry-run", "--save-recipe", "r.yaml")
    assert ended.code == 0, ended.err
    assert {path.name for path in tmp_path.iterdir()} == {"sample.keras", "r.yaml"}
    assert "50% of its weights become zero" in ended.out
    assert "would write sample-pruned.keras" in ended.out
    ended = tfopt("run", "r.yaml", "--dry-run", "--json")
    assert ended.report["output"][0] == "r-run/sample-pruned.keras"
    assert {path.name for path in tmp_path.iterdir()} == {"sample.keras", "r.yaml"}


def test_the_files_that_would_be_written_are_a_list():
    written = ("a.tflite", "a.cc", "a.h")
    console = Console(width=120)
    with console.capture() as told:
        console.print(render_plan(Plan(model="m.keras", data=None, steps=[], output=written)))
    assert "would write a.tflite, a.cc and a.h; nothing was trained" in told.get()


@pytest.mark.parametrize("option", ["--resume", "--locked", "--junit=x.xml", "--markdown=x.md", "--html=x.html"])
def test_what_a_dry_run_cannot_do_is_refused(tfopt, tmp_path, option):
    quick_recipe(tmp_path)
    ended = tfopt("run", "r.yaml", "--dry-run", option)
    assert (ended.code, f"leave out {option.partition('=')[0]}" in ended.err) == (2, True)


@pytest.mark.parametrize(
    "config",
    [
        library.PruneConfig(pattern="2:4", epochs=1, exclude="classes"),
        library.ClusterConfig(clusters=64, epochs=1),
        library.StructuredConfig(target_macs=0.5, scope="local", epochs=1),
        library.QuantizeConfig(),
        library.QuantizeConfig(precision="dynamic", weights="int2"),
        pytest.param(library.QuantizeConfig(precision="dynamic"), marks=pytest.mark.slow),
        pytest.param(library.QuantizeConfig(precision="dynamic", weights="int4", block=32), marks=pytest.mark.slow),
        pytest.param(library.QuantizeConfig(precision="weights"), marks=pytest.mark.slow),
        pytest.param(library.QatConfig(epochs=1), marks=pytest.mark.slow),
        pytest.param(library.BinarizeConfig(post_training=True), marks=pytest.mark.slow),
    ],
    ids=lambda config: type(config).__name__,
)
def test_a_plan_is_what_the_report_says_was_done(config):
    pipeline = library.Pipeline([config])
    [step] = pipeline.plan(SAMPLES / "digits-cnn.keras").steps
    report = pipeline.run(SAMPLES / "digits-cnn.keras").report
    planned = {layer.layer: layer for layer in step.layers}
    assert {name: layer.changed for name, layer in planned.items()} == {
        change.layer: change.action != "skipped" for change in report.layers
    }
    if isinstance(config, library.QuantizeConfig):
        told = {change.layer: change.detail for change in report.layers if change.action == "quantized"}
        assert all(detail.startswith(planned[name].detail) for name, detail in told.items())
        assert any("quantized as they come" in detail for detail in told.values()) == (config.precision == "dynamic")
    if isinstance(config, library.StructuredConfig):
        found = {change.layer: change.detail.partition("; repaired: ")[0] for change in report.layers}
        assert {name: layer.detail for name, layer in planned.items()} == found


@pytest.mark.slow
def test_the_plan_for_resnet50_takes_at_most_15_seconds_of_a_processor(tmp_path):
    code = "import keras; keras.applications.ResNet50(weights=None, classes=2).save('resnet50.keras')"
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "KERAS_BACKEND": "tensorflow"}
    )
    np.savez(tmp_path / "few.npz", x=np.zeros((16, 224, 224, 3), np.uint8), y=np.arange(16) % 2)
    data = ("--data", "few.npz")
    for command in (
        ("prune",), ("cluster",), ("prune", "--structured", "auto"), ("quantize", "--dynamic"),
        ("quantize", "--int8", *data), ("quantize", "--qat", *data), ("binarize", *data),
    ):  # fmt: skip
        began = os.times()  # wall time depends on what else the machine does; 6 to 10 s were seen
        ended = process(*command, "resnet50.keras", "--dry-run", "--json", folder=tmp_path)
        took = os.times()
        assert ended.code == 0, ended.err
        assert took.children_user + took.children_system - began.children_user - began.children_system < 15, command
        assert len(ended.report["steps"][0]["layers"]) > 100


@pytest.mark.parametrize(
    "command", ["quantize --int8", "quantize --qat", "binarize --post-training", "prune --structured layers"]
)
def test_a_plan_is_refused_in_the_words_of_the_run_where_there_are_no_data(tfopt, tmp_path, command):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(4)(inputs)
    keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Add()([x, keras.layers.Dense(4)(x)]))).save(
        tmp_path / "m.keras"
    )
    name, *options = command.split()
    planned, ran = tfopt(name, "m.keras", *options, "--dry-run"), tfopt(name, "m.keras", *options)
    assert (planned.code, planned.err) == (ran.code, ran.err)
    assert planned.code == 2
