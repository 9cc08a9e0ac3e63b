from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import context
from tfopt.data.dataset import Split
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.prune import prune_weights


def _artifact(model):
    return KerasArtifact.from_model(model, "model.keras")


def _zoo():
    """One layer of each kind that has a kernel, and some that have none worth pruning."""
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.SeparableConv2D(8, 3, padding="same", name="separable")(x)
    x = layers.Conv2DTranspose(8, 3, padding="same", name="transpose")(x)
    x = layers.Reshape((64, 8))(x)
    x = layers.Conv1D(8, 3, name="conv1d")(x)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LSTM(6, return_sequences=True, name="lstm")(x)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True), name="both")(x)
    x = layers.TimeDistributed(layers.Dense(7), name="distributed")(x)
    x = layers.GlobalAveragePooling1D()(x)
    nested = keras.Sequential([keras.Input((7,)), layers.Dense(12, name="inner")], name="nested")
    return keras.Model(inputs, layers.Dense(3, name="out")(nested(x)), name="zoo")


def test_every_kind_of_kernel_reaches_the_sparsity_and_the_rest_is_named_with_a_reason():
    result = prune_weights(_artifact(_zoo()), PruneConfig(sparsity=0.75), context())
    done = {change.layer: change for change in result.layers}
    skipped = {name for name, change in done.items() if change.action == "skipped"}
    assert skipped == {"norm", "depthwise"}
    assert all(done[name].detail for name in skipped)
    pruned = done.keys() - skipped
    assert pruned == {
        "conv", "separable", "transpose", "conv1d", "attention", "lstm", "both", "distributed", "nested/inner", "out"
    }  # fmt: skip
    assert all(done[name].sparsity == pytest.approx(0.75, abs=0.01) for name in pruned)


def test_the_model_given_is_left_alone_and_the_architecture_is_the_same():
    model = _zoo()
    before = [w.copy() for w in model.get_weights()]
    result = prune_weights(_artifact(model), PruneConfig(sparsity=0.5), context())
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert [type(layer) for layer in result.artifact.model.layers] == [type(layer) for layer in model.layers]
    assert all(w.constraint is None for w in result.artifact.model.trainable_variables)


def test_fine_tuning_holds_the_sparsity_and_keeps_compile_state(digits, sample):
    artifact = load_keras(sample)
    result = prune_weights(artifact, PruneConfig(sparsity=0.6, epochs=3), context(digits))
    assert [c.sparsity for c in result.layers if c.sparsity] == pytest.approx([0.6] * 5, abs=0.01)
    assert result.artifact.model.optimizer.get_config() == artifact.model.optimizer.get_config()
    assert len(result.history) == 3
    pruned, original = result.artifact.model.get_weights()[0], artifact.model.get_weights()[0]
    kept = pruned != 0
    assert not np.allclose(pruned[kept], original[kept])


def test_a_cubic_schedule_that_has_no_epoch_to_rise_in_is_said(digits, sample):
    few = replace(digits, train=Split.of(digits.train.x[:64], digits.train.y[:64]))

    def notes(**options):
        made = prune_weights(load_keras(sample), PruneConfig(epochs=1, **options), context(few))
        return [note for note in made.notes if "from the first step" in note]

    assert "`epochs` 1 are too few" in notes()[0]
    assert "`pattern` 2:4 is held" in notes(pattern="2:4")[0]
    assert not notes(schedule="constant")


def test_zeros_that_were_there_stay_even_at_a_lower_sparsity(digits, sample):
    model = load_keras(sample).fresh_model()
    weights = model.get_weights()
    zeros = np.abs(weights[0]) < np.quantile(np.abs(weights[0]), 0.8)
    weights[0][zeros] = 0
    model.set_weights(weights)
    result = prune_weights(_artifact(model), PruneConfig(sparsity=0.3, epochs=1), context(digits))
    assert not result.artifact.model.get_weights()[0][zeros].any()


def test_global_scope_prunes_all_kernels_together(sample):
    result = prune_weights(load_keras(sample), PruneConfig(sparsity=0.7, scope="global"), context())
    changes = [c for c in result.layers if c.action == "pruned"]
    total = sum(c.weights for c in changes)
    assert sum(c.weights * c.sparsity for c in changes) / total == pytest.approx(0.7, abs=1e-3)
    assert len({round(c.sparsity, 2) for c in changes}) > 1


def test_one_shot_does_not_train_even_with_data(digits, sample):
    artifact = load_keras(sample)
    result = prune_weights(artifact, PruneConfig(sparsity=0.5, schedule="one-shot", repair=False), context(digits))
    for pruned, original in zip(result.artifact.model.get_weights(), artifact.model.get_weights(), strict=True):
        assert np.array_equal(pruned[pruned != 0], original[pruned != 0])


def test_a_weight_constraint_of_the_model_still_holds_while_pruning(digits):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(20, activation="relu", kernel_constraint=keras.constraints.NonNeg()),
            layers.Dense(10, activation="softmax"),
        ]
    )
    result = prune_weights(_artifact(model), PruneConfig(sparsity=0.4, epochs=1), context(digits))
    assert result.artifact.model.get_weights()[0].min() >= 0
    assert result.layers[0].sparsity >= 0.4


def test_excluded_layers_are_spared_and_a_pattern_that_fits_nothing_is_an_error(sample):
    artifact = load_keras(sample)
    result = prune_weights(artifact, PruneConfig(exclude="conv1|classes"), context())
    excluded = {c.layer for c in result.layers if "excluded" in c.detail}
    assert {"conv1a", "conv1b", "classes"} <= excluded
    assert np.all(result.artifact.model.get_weights()[0])
    with pytest.raises(InputError, match="matches no layer"):
        prune_weights(artifact, PruneConfig(exclude="typo"), context())
    with pytest.raises(InputError, match="no regular expression"):
        prune_weights(artifact, PruneConfig(exclude="("), context())
    with pytest.raises(UnsupportedError, match="no kernel to change"):
        prune_weights(artifact, PruneConfig(exclude="."), context())


def test_frozen_layers_are_skipped():
    frozen = keras.Sequential([keras.Input((4,)), layers.Dense(4, trainable=False, name="ice"), layers.Dense(3)])
    [ice] = [c for c in prune_weights(_artifact(frozen), PruneConfig(), context()).layers if c.layer == "ice"]
    assert "frozen" in ice.detail
