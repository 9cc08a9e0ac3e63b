import keras
import numpy as np
import pytest
from keras import layers

from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.model_copy import rebuild
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import plan
from tfopt.techniques.rounding.sequential import round_model


def levels_of(levels):
    return lambda name, kernel: levels.get(name)


def test_normalizations_that_stay_get_the_statistics_of_what_they_are_fed():
    inputs = keras.Input((6,))
    x = layers.Dense(8, activation="relu", name="dense")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.BatchNormalization(name="norm")(x)))
    x = np.random.default_rng(0).normal(size=(200, 6)).astype("float32")
    copy = rebuild(model, "model")
    seen = round_model(model, copy, levels_of({"dense": "binary"}), [x], lambda *_: None, compensate=False)
    assert seen.blind == []
    fed = keras.Model(copy.inputs, copy.get_layer("dense").output).predict(x, verbose=0)
    np.testing.assert_allclose(copy.get_layer("norm").moving_mean, fed.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(copy.get_layer("norm").moving_variance, fed.var(axis=0), rtol=1e-4)


def small():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="first")(inputs)
    x = layers.DepthwiseConv2D(3, name="depthwise")(layers.BatchNormalization(name="norm")(x))
    x = layers.Conv2D(8, 1, name="middle")(x)
    return keras.Model(inputs, layers.Dense(3, name="last")(layers.Flatten()(x)))


def test_the_first_and_the_last_kernel_and_depthwise_ones_are_kept_at_8_bits():
    found = plan(small(), BinarizeConfig(), "model")
    assert found.levels == {"middle": "binary", "first": "int8", "depthwise": "int8", "last": "int8"}
    assert found.why_int8["first"] == "first layer"
    assert "no kernel" in found.skipped["norm"]
    everything = plan(small(), BinarizeConfig(keep_first_last=False, mode="ternary"), "model")
    assert everything.binarized == ["first", "middle", "last"]
    assert everything.levels["depthwise"] == "int8"


def test_excluded_layers_stay_float_and_are_named():
    found = plan(small(), BinarizeConfig(exclude="depth|last"), "model")
    assert set(found.levels) == {"first", "middle"}
    assert found.skipped["last"] == "excluded by 'depth|last'"


@pytest.mark.parametrize(
    ("change", "config", "error", "words"),
    [
        (lambda model: None, BinarizeConfig(exclude="middle"), UnsupportedError, "nothing to binarize"),
        (lambda model: None, BinarizeConfig(exclude="absent"), InputError, "matches no layer"),
        (lambda model: None, BinarizeConfig(exclude="("), InputError, "no regular expression"),
        (
            lambda model: [w.assign(np.sign(w.numpy())) for w in model.weights if w.name == "kernel"],
            BinarizeConfig(),
            InputError,
            "binarized already",
        ),
        (
            lambda model: model.get_layer("last").quantize("int8"),
            BinarizeConfig(),
            InputError,
            "integer weights in last",
        ),
        (
            lambda model: setattr(model, "trainable", False),
            BinarizeConfig(keep_first_last=False),
            UnsupportedError,
            "nothing to binarize",
        ),
    ],
)
def test_what_cannot_be_binarized_is_refused_with_the_reason(change, config, error, words):
    model = small()
    change(model)
    with pytest.raises(error, match=words):
        plan(model, config, "model")


def test_a_pruned_model_is_not_taken_for_a_binarized_one():
    model = small()
    for weight in model.weights:
        if weight.name == "kernel":
            kernel = weight.numpy()
            weight.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), 0.75), 0, kernel))
    assert plan(model, BinarizeConfig(), "model").binarized == ["middle"]


def test_frozen_layers_are_skipped_in_training_and_rounded_without():
    model = small()
    model.get_layer("middle").trainable = False
    options = {"keep_first_last": False}
    assert "frozen" in plan(model, BinarizeConfig(**options), "model").skipped["middle"]
    assert "middle" in plan(model, BinarizeConfig(post_training=True, **options), "model").levels


@keras.saving.register_keras_serializable("tests")
class Block(layers.Layer):
    """Builds what is in it when it is called, as many custom layers do."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(8)

    def call(self, x):
        return self.dense(x)


@keras.saving.register_keras_serializable("tests")
class Inner(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(8, name="dense")

    def call(self, x):
        return self.dense(x)


def test_what_cannot_be_packed_is_skipped_with_the_reason():
    inputs = keras.Input((8,))
    x = Inner(name="inner")(Block(name="block")(inputs))
    model = keras.Model(inputs, layers.Dense(3, name="last")(layers.Dense(8, name="middle")(x)))
    found = plan(model, BinarizeConfig(keep_first_last=False), "model")
    assert found.binarized == ["middle", "last"]
    assert "made when it is called" in found.skipped["block"]
    assert "inside of inner, a model whose graph is not known" in found.skipped["inner/dense"]


def test_layers_whose_inputs_cannot_be_seen_are_named():
    inputs = keras.Input((6, 4))
    x = layers.MultiHeadAttention(2, 3, name="attention")(query=inputs, value=inputs)
    model = keras.Model(inputs, layers.Dense(2, name="dense")(layers.GRU(4, name="gru")(x)))
    x = np.random.default_rng(0).normal(size=(20, 6, 4)).astype("float32")
    levels = {"attention": "binary", "gru": "binary", "dense": "binary"}
    copy = rebuild(model, "model")
    assert round_model(model, copy, levels_of(levels), [x], lambda *_: None, compensate=True).blind == ["gru"]
    assert len(np.unique(np.abs(copy.get_layer("gru").get_weights()[0][:, 0]))) == 1
