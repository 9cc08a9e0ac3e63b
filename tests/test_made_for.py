"""What is made for a target has the options that it can use, and says what it runs of a file."""

import re
from pathlib import Path

import keras
import pytest
from keras import layers

import tfopt as library
from tfopt.core.recipe_file import read_recipe
from tfopt.core.registry import technique
from tfopt.targets.made_for import settings_for
from tfopt.targets.registry import find_target


def made_for(name, technique_name, **options):
    one = technique(technique_name)
    return settings_for(find_target(name), one, one.config(**options))


def test_quantize_for_a_target_makes_what_it_takes_and_says_what_it_runs(sample, tfopt):
    ended = tfopt("quantize", sample, "--int8", "--for", "edgetpu", "-o", "e.tflite", "--json")
    assert ended.code == 0, ended.err
    config = ended.report["config"]
    assert (config["io"], config["batch"], config["full_integer"]) == ("int8", 1, True)
    assert [gate["passed"] for gate in ended.report["gates"] if gate["gate"] == "target"] == [True]
    assert any(note.startswith("on edgetpu ") and "operations run; flash " in note for note in ended.report["notes"])


def test_what_the_target_does_not_run_fails_with_the_way_out(sample, tfopt):
    ended = tfopt("quantize", sample, "--float16", "--for", "tflm", "-o", "f.tflite")
    assert ended.code == 1
    assert re.search(r"FAIL: f.tflite: --for its target, \d+ operations do not run there", " ".join(ended.out.split()))
    assert "it unpacks weights that are stored narrow: quantize by --int8" in " ".join(ended.out.split())


def test_convert_for_a_target_of_floats_fixes_the_batch_and_keeps_zeros_where_it_cannot_unpack_them(sample, tfopt):
    ended = tfopt("convert", sample, "--for", "tflm", "-o", "f.tflite", "--json")
    assert ended.code == 0, ended.err
    assert (ended.report["config"]["batch"], ended.report["config"]["sparse"]) == (1, "off")
    assert any(note.startswith("on tflm ") for note in ended.report["notes"])
    assert made_for("litert", "convert").sparse == "auto"


def test_cluster_for_a_target_shares_values_where_it_packs_them(tmp_path, tfopt):
    inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization()(layers.Conv2D(16, 3)(inputs))
    keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x))).save("net.keras")
    ended = tfopt("cluster", "net.keras", "--for", "ethos-u65-256", "-o", "c.keras", "--json")
    assert ended.code == 0, ended.err
    assert (ended.report["config"]["per"], ended.report["config"]["fold"]) == ("layer", True)
    note = (
        "for ethos-u65-256, unless asked otherwise: --per layer and --fold; `tfopt quantize --for ethos-u65-256` makes"
    )
    assert any(one.startswith(note) for one in ended.report["notes"])
    made = library.load(tmp_path / "c.keras").model
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in made.layers)


def test_options_that_are_asked_for_count_more_than_those_of_the_target():
    assert made_for("tflm", "cluster").per == "channel"
    assert made_for("tflm", "cluster", per="layer").per == "layer"
    assert made_for("ethos-u55-128", "cluster", fold=False).fold is False


def test_only_where_two_of_four_zeros_save_time_is_pruning_for_a_target():
    assert (made_for("ethos-u85-256", "prune").pattern, made_for("ethos-u85-256", "prune").sparsity) == ("2:4", 0.5)
    with pytest.raises(library.InputError, match="ethos-u55-128 decides no option of `prune`"):
        made_for("ethos-u55-128", "prune")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("convert", "--for", "ethos-u55-128"), "ethos-u55-128 computes in integers, which `tfopt quantize` makes"),
        (("convert", "--for", "tflm", "-o", "m.onnx"), "--for tflm is for a .tflite file: leave it out with m.onnx"),
        (("prune", "--for", "tflm"), "tflm decides no option of prune: leave --for out"),
        (
            ("prune", "--structured", "auto", "--for", "ethos-u85-256"),
            "ethos-u85-256 decides no option of --structured",
        ),
        (("prune", "--sparsity", "0.8", "--for", "ethos-u85-256"), "--pattern 2:4 is a sparsity of 0.5; leave out"),
        (("cluster", "--for", "edgetpu"), "edgetpu decides no option of cluster: leave --for out"),
        (("cluster", "--for", "toaster"), "target toaster is not known"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(sample, tfopt, arguments, words):
    command, *others = arguments
    ended = tfopt(command, sample, *others)
    assert (ended.code, ended.out) == (2, "")
    assert words in " ".join(ended.err.split())


def test_the_recipe_of_what_is_made_for_a_target_has_its_options_and_says_that_nothing_holds_it(sample, tfopt):
    ended = tfopt("quantize", sample, "--int8", "--for", "edgetpu", "--save-recipe", "r.yaml", "--dry-run")
    assert ended.code == 0, ended.err
    assert "the recipe has the options that edgetpu needs; it does not hold its file to it" in ended.err
    [step] = read_recipe(Path("r.yaml")).steps
    assert dict(step.config) == {"precision": "int8", "io": "int8", "batch": 1, "full_integer": True}
