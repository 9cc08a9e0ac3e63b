import numpy as np
import pytest
import tensorflow as tf
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl, pruning_schedule, pruning_utils

from tests.conftest import SAMPLES, context
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.loading import load_keras
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.patterns import Block, NOfM, masks, parse
from tfopt.techniques.pruning.prune import prune_weights


@pytest.fixture(scope="module")
def cnn():
    return load_keras(SAMPLES / "digits-cnn.keras")


def kernels(model):
    return [weight.numpy() for weight in model.weights if weight.name == "kernel"]


def test_patterns_are_read():
    assert parse("2:4") == NOfM(2, 4)
    assert parse("block:1x4") == Block(1, 4)
    assert parse(None) == Block(1, 1)


def test_what_is_kept_can_be_said_as_papers_do():
    assert parse("keep:1of4") == NOfM(3, 4)
    assert PruneConfig(pattern="keep:1of4").sparsity == 0.75
    assert PruneConfig(pattern="1:4").sparsity == 0.25
    for wrong in ("keep:4of4", "keep:5of4", "keep:0of4", "keep:1:4", "4:4"):
        with pytest.raises(InputError, match="pattern"):
            PruneConfig(pattern=wrong)


def test_the_report_says_how_many_of_a_group_become_zero_and_how_many_stay(cnn):
    for asked in ("1:4", "keep:3of4"):
        notes = prune_weights(cnn, PruneConfig(pattern=asked, schedule="one-shot"), context()).notes
        assert any("1 of every 4 input weights becomes zero, 3 stay" in note for note in notes)


def test_two_of_four_input_weights_of_each_output_go():
    kernel = np.array([[1.0, 8], [2, 7], [3, 6], [4, 5], [9, 1]])
    [mask] = masks([kernel], 0.5, "layer", NOfM(2, 4))
    assert mask.T.tolist() == [[False, False, True, True, True], [True, True, False, False, True]]


def test_the_blocks_of_smallest_mean_go_whole():
    kernel = np.array([[1.0, 1, 9, 0], [5, 5, 2, 2]])
    [mask] = masks([kernel], 0.5, "layer", Block(1, 2))
    assert mask.tolist() == [[False, False, True, True], [True, True, False, False]]


@pytest.mark.parametrize("shape", [(16, 10), (14, 7), (3, 3, 8, 4), (3, 3, 6, 4)])
@pytest.mark.parametrize("pattern", [(2, 4), (1, 4), (1, 2)])
def test_n_of_m_masks_are_those_of_tensorflow_model_optimization(shape, pattern):
    kernel = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    theirs = pruning_utils.generate_m_by_n_mask(pruning_utils.weights_rearrange(kernel), pattern)
    theirs = pruning_utils.m_by_n_sparsity_mask_prepare(theirs, kernel.shape)
    [ours] = masks([kernel.numpy()], 0.5, "layer", NOfM(*pattern))
    np.testing.assert_array_equal(ours, theirs.numpy() > 0)


@pytest.mark.parametrize("block", [(1, 4), (4, 1), (2, 2), (3, 10)])
@pytest.mark.parametrize("shape", [(12, 20), (24, 60)])
def test_block_masks_are_those_of_tensorflow_model_optimization(block, shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    schedule = pruning_schedule.ConstantSparsity(0.6, begin_step=0, frequency=1)
    theirs = pruning_impl.Pruning(lambda: 1, [], schedule, block_size=block, block_pooling_type="AVG")
    theirs._block_size = list(block)
    _, mask = theirs._maybe_update_block_mask(tf.constant(kernel))
    [ours] = masks([kernel], 0.6, "layer", Block(*block))
    np.testing.assert_array_equal(ours, mask.numpy() > 0)


def test_blocks_at_the_edges_count_what_they_hold():
    kernel = np.array([[1.0, 1, 5], [1, 1, 5], [4, 4, 2]])
    [mask] = masks([kernel], 0.5, "layer", Block(2, 2))
    assert mask.tolist() == [[False, False, True], [False, False, True], [True, True, False]]


def test_a_pattern_holds_in_every_group_of_the_pruned_model(cnn, digits):
    made = prune_weights(cnn, PruneConfig(pattern="2:4", epochs=2), context(digits))
    for kernel in kernels(made.artifact.model)[1:]:
        groups = np.moveaxis(kernel, -2, -1).reshape(-1, 4)
        assert ((groups == 0).sum(axis=1) >= 2).all()
    assert {change.layer: change.detail for change in made.layers}["conv1a"].startswith("1 input channels are fewer")
    right = made.artifact.model.predict(digits.test.x, verbose=0).argmax(axis=1) == digits.test.y
    assert right.mean() > 0.95


def test_blocks_go_whole_in_the_pruned_model(cnn):
    made = prune_weights(cnn, PruneConfig(pattern="block:1x4", sparsity=0.5), context())
    blocks = kernels(made.artifact.model)[1].reshape(-1, 4)
    assert set(np.count_nonzero(blocks, axis=1)) == {0, 4}
    assert (np.count_nonzero(blocks, axis=1) == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_both_engines_give_the_same_masks_from_the_same_weights_and_schedule(cnn, digits):
    options = {"sparsity": 0.6, "schedule": "constant", "epochs": 1, "learning_rate": 1e-9}
    ours = prune_weights(cnn, PruneConfig(**options), context(digits))
    theirs = prune_weights(cnn, PruneConfig(**options, engine="tfmot"), context(digits))
    for a, b in zip(kernels(ours.artifact.model), kernels(theirs.artifact.model), strict=True):
        np.testing.assert_array_equal(a == 0, b == 0)
        assert (a == 0).mean() == pytest.approx(0.6, abs=0.01)


def test_the_engine_of_tensorflow_model_optimization_follows_the_cubic_schedule_to_the_end(cnn, digits):
    made = prune_weights(cnn, PruneConfig(sparsity=0.8, epochs=4, engine="tfmot"), context(digits))
    for kernel in kernels(made.artifact.model):
        assert (kernel == 0).mean() == pytest.approx(0.8, abs=0.01)
    assert made.artifact.model.get_config() == cnn.fresh_model().get_config()
    right = made.artifact.model.predict(digits.test.x, verbose=0).argmax(axis=1) == digits.test.y
    assert right.mean() > 0.85


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "4:4"}, "must leave some weights"),
        ({"pattern": "2:4", "sparsity": 0.8}, "is a sparsity of 0.5"),
        ({"pattern": "rows"}, "match pattern"),
        ({"engine": "tfmot", "scope": "global"}, "no `scope` global"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        PruneConfig(**options)


def test_what_neither_pattern_nor_engine_can_do_is_refused(cnn):
    with pytest.raises(UnsupportedError, match="no kernel has 99 input channels"):
        prune_weights(cnn, PruneConfig(pattern="1:99"), context())
    with pytest.raises(InputError, match="prunes in training, and there is no data"):
        prune_weights(cnn, PruneConfig(engine="tfmot"), context())
