"""Repair after channels have left: what reads the rest answers as before, as well as it can."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import context
from tests.random_graphs import randomize
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.channels.groups import find_groups
from tfopt.graph.channels.removal import remove_channels
from tfopt.graph.channels.tracing import trace
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.prune import prune_weights
from tfopt.techniques.repair import Left, conjugate_gradients, repair
from tfopt.techniques.structured.channel_pruning import prune_channels
from tfopt.techniques.structured.config import StructuredConfig


def without(model, maker, count):
    """The model without the first channels that a layer makes, and what it takes to repair it."""
    graph = trace(model, "model")
    group = next(group for group in find_groups(graph) if maker in group.makers)
    kept = ~np.isin(graph.roots, group.roots[:count])
    return remove_channels(model, graph, kept), Left(graph, kept)


def answers(model, x):
    return np.asarray(model(x))


def test_what_left_and_can_be_rebuilt_from_the_rest_is_not_missed():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(5, 3, name="conv")(inputs)
    model = randomize(keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.Conv2D(4, 3)(x)))))
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 0] = kernel[..., 1] - 2 * kernel[..., 3]
    model.get_layer("conv").set_weights([kernel, bias])
    x = np.random.default_rng(0).normal(size=(200, 6, 6, 2)).astype("float32")
    small, left = without(model, "conv", 1)
    wanted, cut = answers(model, x), answers(small, x)
    repair(model, small, left, [x], lambda *_: None)
    repaired = answers(small, x)
    assert np.mean((repaired - wanted) ** 2) < 0.01 * np.mean((cut - wanted) ** 2)


def shared_stream():
    """Channels of an addition, a depthwise convolution and a concatenation, with and without biases."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(12, 3, padding="same", name="stem")(inputs)
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(12, 3, padding="same", use_bias=False, name="inner")(x))
    x = layers.ReLU()(layers.Add()([x, y]))
    z = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = layers.Concatenate()([x, layers.Conv2D(6, 1, name="point")(z)])
    x = layers.Conv2D(8, 3, use_bias=False, activation="relu", name="last")(x)
    return keras.Model(inputs, layers.Dense(4, name="dense")(layers.GlobalAveragePooling2D()(x)))


def attention():
    inputs = keras.Input((10, 8))
    x = layers.Dense(16, activation="relu", name="stem")(inputs)
    x = layers.EinsumDense("btc,cd->btd", (10, 16), bias_axes="td", name="positions")(x)  # a bias for each step
    x = layers.MultiHeadAttention(4, 8, name="attention")(x, x)
    return keras.Model(inputs, layers.Dense(4, name="dense")(x))


@pytest.mark.parametrize(
    ("build", "maker", "count", "repaired"),
    [
        (shared_stream, "stem", 5, {"inner", "depthwise", "point", "last", "dense"}),
        (shared_stream, "point", 2, {"last", "dense"}),
        (attention, "attention", 2, {"attention", "dense"}),
        (attention, "stem", 4, {"positions", "attention", "dense"}),
    ],
)
def test_whatever_hangs_together_every_reader_errs_less_and_the_answer_does_so_on_other_samples(
    build, maker, count, repaired
):
    model = randomize(build())
    x = np.random.default_rng(0).normal(size=(400, *model.input_shape[1:])).astype("float32")
    small, left = without(model, maker, count)
    wanted, cut = (answers(one, x[300:]) for one in (model, small))
    found = repair(model, small, left, [x[:300]], lambda *_: None)
    assert set(found) == repaired
    assert all(error.after < error.before for error in found.values())
    assert np.mean((answers(small, x[300:]) - wanted) ** 2) < 0.7 * np.mean((cut - wanted) ** 2)


def test_a_report_says_which_layers_were_repaired_and_no_repair_leaves_them(sample, digits):
    artifact = KerasArtifact.load(sample)
    result = prune_channels(artifact, StructuredConfig(epochs=1), context(digits))
    told = {change.layer: change.detail for change in result.layers}
    assert all("; repaired: it answers" in told[name] for name in ("conv1b", "conv2a", "conv2b", "classes"))
    assert "repaired" not in told["conv1a"]  # it is fed what it was fed
    [note] = [note for note in result.notes if "fitted anew on 512 training samples, without labels" in note]
    after, before = (float(part.split()[0].rstrip(",")) for part in note.split("became ")[1].split("which was "))
    assert after < before
    result = prune_channels(artifact, StructuredConfig(epochs=1, repair=False), context(digits))
    assert "repaired" not in str(result.layers)
    assert "fitted anew" not in str(result.notes)


def test_with_a_target_amounts_are_solved_for_unless_an_equal_share_is_better_and_both_losses_are_told(sample, digits):
    config = StructuredConfig(target_macs=0.4, epochs=1)
    result = prune_channels(KerasArtifact.load(sample), config, context(digits))
    [note] = [note for note in result.notes if "with amounts solved for and" in note]
    losses = [float(word) for word in note.split() if word[0].isdigit()]
    [repaired] = [note for note in result.notes if "the validation loss became" in note]
    assert f"the validation loss became {min(losses):.4f}" in repaired


def test_weights_that_are_alive_are_the_least_squares_solution_of_each_column():
    rng = np.random.default_rng(0)
    x, answers = rng.normal(size=(1, 60, 6)), rng.normal(size=(1, 60, 3))
    alive = rng.random((1, 6, 3)) < 0.6
    found = conjugate_gradients(x.swapaxes(1, 2) @ x, x.swapaxes(1, 2) @ answers, np.zeros((1, 6, 3)), alive)
    for column in range(3):
        [rows] = np.nonzero(alive[0, :, column])
        wanted, *_ = np.linalg.lstsq(x[0][:, rows], answers[0, :, column], rcond=None)
        np.testing.assert_allclose(found[0, rows, column], wanted, atol=1e-3)
    assert (found[~alive] == 0).all()


def test_pruned_in_one_shot_the_weights_that_stay_make_up_for_the_others(sample, digits):
    artifact, split = KerasArtifact.load(sample), Evaluator.on(digits, "test")
    right = {}
    for repaired in (False, True):
        config = PruneConfig(sparsity=0.7, schedule="one-shot", repair=repaired)
        result = prune_weights(artifact, config, context(digits))
        right[repaired] = float(np.mean(split.score(result.artifact.model)))
        pruned = [change for change in result.layers if change.action == "pruned"]
        assert all(change.sparsity == pytest.approx(0.7, abs=0.01) for change in pruned)
        assert ("repaired: it answers" in pruned[-1].detail) == repaired
    assert right[True] > right[False] + 0.2
    assert right[True] > 0.9
