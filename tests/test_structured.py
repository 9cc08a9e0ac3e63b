"""Structured pruning from the command line and from Python: what leaves, how much, and what is told of it."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import context
from tests.random_graphs import randomize
from tfopt.errors import UnreachableError, UnsupportedError
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.channels.groups import find_groups
from tfopt.graph.channels.tracing import trace
from tfopt.techniques.structured.block_removal import prune_blocks
from tfopt.techniques.structured.candidates import candidates
from tfopt.techniques.structured.channel_pruning import prune_channels
from tfopt.techniques.structured.channel_selection import GroupScores, channels_to_remove
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.importance import importances
from tfopt.techniques.structured.targets import least_amount


@pytest.fixture
def pruned(tfopt, sample, tmp_path):
    """Prune the sample CNN and return the report and the new model, loaded by Keras alone."""

    def call(*arguments):
        ended = tfopt("prune", sample, "-o", "small.keras", "--json", *arguments)
        assert ended.code == 0, ended.err
        return ended.report, keras.saving.load_model(tmp_path / "small.keras")

    return call


def filters(model):
    return {layer.name: layer.filters for layer in model.layers if isinstance(layer, layers.Conv2D)}


def test_half_of_the_filters_leave_and_accuracy_comes_back(pruned):
    report, model = pruned("--structured", "filters", "--epochs", 10)
    assert filters(model) == {"conv1a": 8, "conv1b": 8, "conv2a": 16, "conv2b": 16}
    before, after = report["measurements"]
    assert after["macs"] < 0.3 * before["macs"]
    assert after["accuracy"]["value"] > before["accuracy"]["value"] - 0.05
    told = {layer["layer"]: layer for layer in report["layers"]}
    assert told["conv1b"]["action"] == "narrowed"
    assert told["conv1b"]["detail"].startswith("8 of 16 filters, 576 of 2,304 weights left; repaired: ")
    assert told["classes"]["detail"].startswith("170 of 330 weights left")
    assert "48 of 96 channels and heads that can leave have left" in report["notes"][0]
    assert "every tensor of the smaller model is that of the original" in report["notes"][1]


@pytest.mark.parametrize(
    ("option", "figure"),
    [("--target-macs", "macs"), pytest.param("--target-params", "parameters", marks=pytest.mark.slow)],
)
def test_a_target_is_reached_and_hardly_undercut(pruned, option, figure):
    report, _ = pruned("--structured", "auto", option, 0.5, "--epochs", 1)
    before, after = (measurement[figure] for measurement in report["measurements"])
    assert 0.42 < after / before <= 0.5


def test_channels_are_rounded_up_and_never_too_few(pruned):
    _, model = pruned("--structured", "filters", "--amount", 0.7, "--round-to", 4, "--epochs", 1)
    assert filters(model) == {"conv1a": 8, "conv1b": 8, "conv2a": 12, "conv2b": 12}


def test_an_excluded_layer_keeps_its_filters_but_reads_fewer(pruned):
    report, model = pruned("--structured", "filters", "--exclude", "conv2b", "--epochs", 1)
    assert filters(model) == {"conv1a": 8, "conv1b": 8, "conv2a": 16, "conv2b": 32}
    [told] = [layer for layer in report["layers"] if layer["layer"] == "conv2b"]
    assert told["detail"].startswith("4,608 of 9,216 weights left")


@pytest.mark.slow
def test_steps_share_the_epochs_and_end_where_one_step_does(pruned):
    report, model = pruned("--structured", "filters", "--iterative", 2, "--epochs", 3, "--augment", "crop,noise")
    assert filters(model) == {"conv1a": 8, "conv1b": 8, "conv2a": 16, "conv2b": 16}
    assert len(report["history"]) == 3


def test_the_model_is_compiled_as_the_original_was_whatever_fine_tuned_it(sample, digits):
    artifact = KerasArtifact.load(sample)
    model = artifact.model
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    before = model.get_compile_config()
    config = StructuredConfig(epochs=1, teacher="self")
    made = prune_channels(KerasArtifact.from_model(model, "m.keras"), config, context(digits)).artifact.model
    assert made.get_compile_config() == before


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(sample, digits):
    artifact = KerasArtifact.load(sample)
    config = StructuredConfig(importance="random", epochs=1, scope="global")
    one, other = (prune_channels(artifact, config, context(digits)).artifact.model.get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_without_data_nothing_is_trained_and_that_is_told(sample):
    artifact = KerasArtifact.load(sample)
    result = prune_channels(artifact, StructuredConfig(), context())
    assert "not fine-tuned: there is no data" in result.notes
    assert result.history == []
    assert result.artifact.model.count_params() < artifact.model.count_params()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("--structured auto --amount 1.5", 2, "--amount 1.5 is more than the whole; did you mean 1.5%?"),
        ("--structured auto --amount 0", 2, "--amount 0.0 is out of range"),
        ("--structured auto --target-macs 2", 2, "--target-macs 2 is more than the whole; did you mean 2%?"),
        ("--structured auto --amount 0.5 --target-macs 0.5", 2, "--amount and --target-macs exclude each other"),
        ("--structured auto --sparsity 0.5", 2, "--sparsity is not for --structured"),
        ("--amount 0.5", 2, "--amount needs --structured"),
        ("--augment crop", 2, "--augment needs --structured"),
        ("--structured auto --augment spin", 2, "--augment spin is not known"),
        ("--structured auto --iterative 30", 2, "--iterative 30 needs an epoch for each step; there are 20"),
        ("--structured layers --importance l1", 2, "--importance is for channels"),
        ("--structured heads", 2, "has no heads that can leave; it has filters"),
        ("--structured layers", 2, "has no residual block that can leave"),
        ("--structured auto --exclude .", 2, "no channels can leave sample.keras: all are excluded"),
        ("--structured auto --exclude none_such", 2, "matches no layer"),
        ("--structured auto --amount 0.01", 2, "--amount 0.01 is less than one channel"),
        ("--structured auto --target-macs 0.001", 1, "with all removed that can leave, 0.004 are left"),
    ],
)
def test_what_cannot_be_is_one_sentence(tfopt, sample, tmp_path, arguments, code, words):
    before = sorted(tmp_path.iterdir())
    ended = tfopt("prune", sample, *arguments.split())
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert words in ended.err
    assert sorted(tmp_path.iterdir()) == before


def test_channels_that_a_custom_layer_holds_are_told_in_one_clear_sentence():
    class Scale(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), Scale(name="scale"), layers.Dense(2)], name="net")
    with pytest.raises(UnsupportedError) as told:
        candidates(model, StructuredConfig(), None, "net")
    assert str(told.value) == (
        "no channels can leave net: they go through scale (Scale is not known to keep channels apart)"
        " or they are an output of the model"
    )


def test_a_share_of_each_group_leaves_or_the_least_of_all():
    one = GroupScores(np.arange(1, 5), np.array([4.0, 3.0, 2.0, 1.0]), 1)
    other = GroupScores(np.arange(5, 9), np.array([0.1, 0.2, 0.3, 0.4]), 1)
    assert sorted(channels_to_remove([one, other], 0.5, "local")) == [3, 4, 5, 6]
    assert sorted(channels_to_remove([one, other], 0.375, "global")) == [5, 6, 7]
    assert sorted(channels_to_remove([one, other], 0.5, "global")) == [4, 5, 6, 7]  # one of each group stays
    assert sorted(channels_to_remove([one, other], 0.75, "local", round_to=2)) == [3, 4, 5, 6]


def test_bisection_finds_the_least_amount():
    assert least_amount(lambda amount: 1 - 0.9 * amount, 0.55) == pytest.approx(0.5, abs=1e-6)
    assert least_amount(lambda amount: 1 - 0.9 * amount, 0.55, low=0.7) == 0.7


@pytest.mark.parametrize("by", ["l1", "l2", "bn-scale", "taylor", "activation"])
def test_a_filter_that_does_nothing_matters_least(digits, by):
    inputs = keras.Input((8, 8, 1))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, name="conv")(inputs))
    x = layers.Flatten()(layers.ReLU()(x))
    model = randomize(keras.Model(inputs, layers.Dense(10, activation="softmax", name="classes")(x)))
    conv, norm, dense = (model.get_layer(name) for name in ("conv", "norm", "classes"))
    kernel, bias = conv.get_weights()
    kernel[..., 2] = 0
    conv.set_weights([kernel, bias * 0])
    gamma, beta, mean, variance = norm.get_weights()
    gamma[2] = 0
    norm.set_weights([gamma, beta * 0, mean * 0, variance])
    weights, biases = dense.get_weights()
    weights.reshape(36, 6, 10)[:, 2] = 0
    dense.set_weights([weights, biases])
    graph = trace(model, "model.keras")
    [group] = [group for group in find_groups(graph) if group.makers == ("conv",)]
    scores, known = importances(by, model, graph, digits, 0)
    assert known[group.roots].all()
    assert np.argmin(scores[group.roots]) == 2
    assert scores[group.roots][2] == pytest.approx(0, abs=1e-6)


def test_where_a_measure_says_nothing_the_norm_speaks_and_that_is_told(tfopt, tmp_path):
    inputs = keras.Input((6, 8))
    x = layers.MultiHeadAttention(4, 4, name="attention")(inputs, inputs)
    keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))).save(tmp_path / "model.keras")
    ended = tfopt("prune", "model.keras", "--structured", "heads", "--importance", "bn-scale", "--json")
    assert "--importance bn-scale has no measure for attention: l2 instead" in ended.report["notes"]
    assert ended.report["layers"][0]["detail"].startswith("2 of 4 heads, ")


def test_a_strided_convolution_of_size_1_keeps_the_channels_that_it_takes_to_train_safely():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(32, 3, name="wide")(inputs)
    x = layers.Conv2D(16, 1, strides=2, name="strided")(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    result = prune_channels(KerasArtifact.from_model(model, "m.keras"), StructuredConfig(amount=0.75), context())
    assert filters(result.artifact.model) == {"wide": 16, "strided": 4}
    assert any("at least 16 channels stay of wide" in note for note in result.notes)


def test_debug_shows_what_each_group_is_worth(tfopt, sample):
    ended = tfopt("debug", sample, "--structured", "--amount", 0.25, "--json")
    assert ended.code == 0, ended.err
    found = {group["group"]: group for group in ended.report["groups"]}
    assert {name: (one["channels"], one["removed"]) for name, one in found.items()} == {
        "conv1a": (16, 4), "conv1b": (16, 4), "conv2a": (32, 8), "conv2b": (32, 8),
    }  # fmt: skip
    increases = [group["increase"] for group in ended.report["groups"]]
    assert increases == sorted(increases, reverse=True)
    assert increases[0] > 0
    # 4 filters of 3x3x1 and what conv1b reads of them, on 8x8 pixels, and 4 numbers each in the normalization
    assert found["conv1a"]["macs"] == 64 * (4 * 9 + 4 * 9 * 16)
    assert found["conv1a"]["bytes"] == 4 * (4 * 9 + 4 * 9 * 16 + 4 * 4)
    assert tfopt("debug", sample, "--structured").out.count("conv") >= 4
    assert "--int8 is not for --structured" in tfopt("debug", sample, "--structured", "--int8").err


def test_each_layer_is_told_why_it_keeps_everything(sample):
    artifact = KerasArtifact.load(sample)
    config = StructuredConfig(structured="filters", exclude="conv2b")
    told = {change.layer: change.detail for change in prune_channels(artifact, config, context()).layers}
    assert told["conv2b_norm"] == "excluded"
    assert told["classes"] == "its activation, softmax, looks at all channels at once"


def test_a_target_holds_where_the_estimate_is_off_and_the_least_that_can_be_is_told():
    inputs = keras.Input((64, 16))
    x = layers.MultiHeadAttention(8, 2)(layers.Dense(16)(inputs), inputs)
    artifact = KerasArtifact.from_model(keras.Model(inputs, layers.Dense(4)(x)), "attention.keras")
    result = prune_channels(artifact, StructuredConfig(target_macs=0.3), context())
    assert 0.2 < keras_macs(result.artifact.model) / keras_macs(artifact.model) <= 0.3
    with pytest.raises(UnreachableError, match=r"MACs cannot get to 0\.01 of the original's.* 0\.\d+ are left"):
        prune_channels(artifact, StructuredConfig(target_macs=0.01, iterative=2), context())


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A residual net with four blocks that can leave, trained for a moment."""
    from tests.conftest import process

    folder = tmp_path_factory.mktemp("resnet")
    ended = process(
        "train", "--arch", "cnn", "--residual", "--blocks", 2, "--width", 4, "--epochs", 2, "-o", "resnet.keras",
        folder=folder,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    return folder / "resnet.keras"


@pytest.mark.slow
def test_the_two_blocks_that_matter_least_leave_and_the_file_loads_without_tfopt(tfopt, resnet, tmp_path):
    ended = tfopt("prune", resnet, "--structured", "layers", "--amount", 0.5, "--epochs", 1, "--json")
    assert ended.code == 0, ended.err
    actions = [layer["action"] for layer in ended.report["layers"]]
    assert (actions.count("removed"), actions.count("skipped")) == (2, 2)
    assert "the validation loss becomes" in ended.report["layers"][0]["detail"]
    model = keras.saving.load_model(tmp_path / "resnet-pruned.keras")
    assert sum(isinstance(layer, layers.Add) for layer in model.layers) == 4
    assert json.loads((tmp_path / "resnet-pruned.keras.report.json").read_text())["command"] == "prune"


@pytest.mark.slow
def test_blocks_leave_until_a_target_is_reached_or_none_is_left(tfopt, resnet):
    ended = tfopt("prune", resnet, "--structured", "layers", "--target-macs", 0.8, "--epochs", 1, "--json")
    before, after = (measurement["macs"] for measurement in ended.report["measurements"])
    assert after <= 0.8 * before
    ended = tfopt("prune", resnet, "--structured", "layers", "--target-macs", 0.05, "--force")
    assert ended.code == 1
    assert "without all 4 blocks that can leave" in ended.err


def test_blocks_that_are_inside_of_one_that_leaves_are_told_as_gone(digits):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    y = x
    for name in ("inner1", "inner2"):
        y = layers.Add(name=name)([y, layers.Conv2D(4, 3, padding="same")(y)])
    x = layers.Add(name="outer")([x, layers.Conv2D(4, 3, padding="same")(y)])
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    config = StructuredConfig(structured="layers", amount=0.9, epochs=1)
    result = prune_blocks(KerasArtifact.from_model(model, "m.keras"), config, context(digits))
    assert {change.layer: change.action for change in result.layers} == dict.fromkeys(
        ("inner1", "inner2", "outer"), "removed"
    )
    assert not any(isinstance(layer, layers.Add) for layer in result.artifact.model.layers)


def test_layers_without_data_are_refused(tfopt, tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, layers.Dense(2)(layers.Add()([inputs, layers.Dense(4)(inputs)]))).save(tmp_path / "m.keras")
    ended = tfopt("prune", "m.keras", "--structured", "layers")
    assert (ended.code, "there is no data" in ended.err) == (2, True)


@pytest.mark.slow
def test_every_other_technique_works_on_what_is_left_and_before(tfopt, sample, tmp_path):
    for arguments in (
        ("prune", sample, "--structured", "filters", "--amount", 0.25, "--round-to", 4, "--epochs", 8, "-o", "a.keras"),
        ("prune", "a.keras", "--pattern", "2:4", "--epochs", 5, "-o", "b.keras"),
        ("quantize", "b.keras", "--qat", "--epochs", 2, "-o", "c.tflite"),
        ("prune", sample, "--sparsity", 0.5, "--epochs", 5, "-o", "sparse.keras"),
        ("prune", "sparse.keras", "--structured", "filters", "--amount", 0.25, "--epochs", 8, "-o", "both.keras"),
        ("quantize", "both.keras", "--int8", "-o", "both.tflite"),
    ):
        ended = tfopt(*arguments, "--json")
        assert ended.code == 0, ended.err
        assert ended.report["measurements"][-1]["accuracy"]["value"] > 0.93


@pytest.mark.slow
def test_a_target_latency_is_reached_in_litert(tfopt, resnet, timed):
    ended = tfopt("prune", resnet, "--structured", "filters", "--target-latency", 0.8, "--epochs", 1, "--json")
    assert ended.code == 0, ended.err
    assert any("time in LiteRT are left (--target-latency 0.8)" in note for note in ended.report["notes"])
