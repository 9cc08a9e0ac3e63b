import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests import zoo
from tests.conftest import SAMPLES, context
from tfopt.errors import UnsupportedError
from tfopt.formats.legacy.to_tf_keras import to_tf_keras
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import operations
from tfopt.runtime.progress import Silent
from tfopt.techniques.qat import tfmot
from tfopt.techniques.qat.config import QatConfig as AnyConfig
from tfopt.techniques.qat.qat import quantize_aware
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan


def QatConfig(**options):  # noqa: N802  # stands for the class
    return AnyConfig(qat_engine="tfmot", **options)


def accuracy(predict, data):
    return (predict(data.test.x).argmax(axis=1) == data.test.y).mean()


@pytest.fixture(scope="module")
def cnn():
    return load_keras(SAMPLES / "digits-cnn.keras")


@pytest.fixture(scope="module")
def trained(cnn, digits):
    return quantize_aware(cnn, QatConfig(epochs=3), context(digits))


def test_after_three_epochs_accuracy_is_that_of_the_float_model_in_keras_and_in_litert(cnn, trained, digits):
    before = accuracy(cnn.predict, digits)
    in_litert = accuracy(trained.artifact.predict, digits)
    in_keras = accuracy(lambda x: trained.companions[0].model.predict(x, verbose=0), digits)
    assert in_litert >= before - 0.005
    assert abs(in_litert - in_keras) <= 0.005


def test_the_file_computes_in_integers_only_between_its_ends(trained):
    kinds = [operation.kind for operation in operations(trained.artifact.payload)]
    assert (kinds[0], kinds[-1]) == ("QUANTIZE", "DEQUANTIZE")
    assert {o.output_type for o in operations(trained.artifact.payload)[:-1]} == {"INT8"}
    assert {change.action for change in trained.layers} == {"quantized", "folded"}


def test_the_trained_keras_model_has_the_architecture_and_the_compile_state_of_the_original(cnn, trained):
    assert trained.companions[0].model.get_config() == cnn.fresh_model().get_config()
    assert trained.companions[0].model.get_compile_config()["loss"] == cnn.fresh_model().get_compile_config()["loss"]
    assert any(
        not np.array_equal(a, b)
        for a, b in zip(cnn.model.get_weights(), trained.companions[0].model.get_weights(), strict=True)
    )


def test_ranges_are_calibrated_before_training(cnn, digits):
    aware = tfmot.quantization_aware(to_tf_keras(cnn.fresh_model(), "model"))
    untouched = accuracy(lambda x: aware.model.predict(x, verbose=0), digits)
    before = {v.name: v.numpy() for v in aware.model.weights}
    tfmot.calibrate(aware.model, [digits.calibration.x])
    assert untouched < 0.5
    assert accuracy(lambda x: aware.model.predict(x, verbose=0), digits) >= accuracy(cnn.predict, digits) - 0.01
    changed = {name for name, value in before.items() if not np.array_equal(value, _value(aware.model, name))}
    assert {name[-6:] for name in changed} == {"_min:0", "_max:0"}


def _value(model, name):
    return next(variable.numpy() for variable in model.weights if variable.name == name)


def test_the_mean_of_the_batch_ranges_is_taken():
    model = load_keras(SAMPLES / "digits-mlp.keras").fresh_model()
    aware = tfmot.quantization_aware(to_tf_keras(model, "model"))
    tfmot.calibrate(aware.model, [tf.fill((4, 8, 8, 1), 1.0), tf.fill((4, 8, 8, 1), 3.0)])
    largest = next(v for v in aware.model.weights if v.name.startswith("quantize_layer") and "max" in v.name)
    assert largest.numpy() == pytest.approx(2, abs=0.01) or largest.numpy() == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("build", zoo.CLASSIFIERS, ids=lambda build: build.__name__)
@pytest.mark.slow
def test_every_architecture_is_trained_and_what_stays_float_is_named(build, digits):
    keras.utils.set_random_seed(0)
    model = build()
    fit(model, digits, FitPlan(epochs=24, batch_size=64, learning_rate=5e-3, seed=0), Silent())
    made = quantize_aware(load_keras(model), QatConfig(epochs=1), context(digits))
    assert any(change.action == "quantized" for change in made.layers)
    assert all(change.detail for change in made.layers if change.action == "skipped")
    in_keras = accuracy(lambda x: made.companions[0].model.predict(x, verbose=0), digits)
    assert in_keras > 0.5
    assert abs(accuracy(made.artifact.predict, digits) - in_keras) <= 0.02


def test_a_model_of_which_nothing_can_be_quantized_is_refused(digits):
    with pytest.raises(UnsupportedError, match="no layer with weights is covered"):
        tfmot.quantization_aware(to_tf_keras(zoo.stacked_cells(), "model"))


@pytest.mark.slow
def test_a_large_network_of_keras_applications_is_trained(digits):
    inputs = zoo.images()
    x = layers.Resizing(32, 32)(inputs)
    body = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=10)
    model = keras.Model(inputs, body(layers.Concatenate()([x, x, x])))
    made = quantize_aware(load_keras(model), QatConfig(epochs=1), context(digits))
    actions = [change.action for change in made.layers]
    assert actions.count("quantized") > 60
    assert {change.detail for change in made.layers if change.kind == "Normalization"} == {
        "the 8-bit scheme of TensorFlow Model Optimization does not cover Normalization"
    }
    assert len(made.artifact.payload) < 0.4 * len(made.measured[2].payload)


@pytest.mark.slow
def test_zeros_and_shared_weights_survive_training_and_are_in_the_file(cnn, digits):
    model = cnn.fresh_model()
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            step = np.abs(kernel).max() / 8
            layer.kernel.assign(np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, np.round(kernel / step) * step))
    before = load_keras(model)
    made = quantize_aware(before, QatConfig(epochs=1), context(digits))
    for was, now in zip(before.model.get_weights(), made.companions[0].model.get_weights(), strict=True):
        if was.ndim > 1:
            np.testing.assert_array_equal(now[was == 0], 0)
            assert len(np.unique(now)) <= len(np.unique(was))
            assert not np.array_equal(now, was)
    kernels = [c for o in operations(made.artifact.payload) for c in o.constants if len(c.shape) > 1]
    assert all(c.nonzero <= 0.52 * np.prod(c.shape) for c in kernels if np.prod(c.shape) > 10)

    told = {change.layer: change for change in made.layers if change.action == "quantized"}
    assert all(change.sparsity > 0.45 for change in told.values())
    assert all("distinct values" in told[layer].detail for layer in ("conv1b", "conv2a", "conv2b", "classes"))

    lost = quantize_aware(before, QatConfig(epochs=1, keep_sparsity=False, keep_clusters=False), context(digits))
    assert _zeros(lost.companions[0].model) < 0.1 * _zeros(made.companions[0].model)


def _zeros(model):
    return sum(int((weight == 0).sum()) for weight in model.get_weights() if weight.ndim > 1)


@pytest.mark.slow
def test_wrapped_layers_get_their_own_trained_weights_back(digits):
    inputs = zoo.images()
    x = layers.Flatten()(inputs)
    for name in ("one", "two", "three"):
        x = layers.Dense(64, activation="elu", name=name)(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    fit(model, digits, FitPlan(epochs=5, batch_size=64, learning_rate=1e-3, seed=0), Silent())
    made = quantize_aware(load_keras(model), QatConfig(epochs=1), context(digits))
    for name in ("one", "two", "three"):
        before, after = (
            model.get_layer(name).get_weights()[0],
            made.companions[0].model.get_layer(name).get_weights()[0],
        )
        assert 0 < np.abs(before - after).max() < 0.02


@pytest.mark.slow
def test_weights_of_four_bits_are_four_bits_in_the_file(cnn, digits, trained):
    made = quantize_aware(cnn, QatConfig(weights="int4", epochs=10, learning_rate=1e-3), context(digits))
    kernels = [c for o in operations(made.artifact.payload) for c in o.constants if len(c.shape) > 1 and c.scales]
    assert {kernel.type for kernel in kernels} == {"INT4"}
    assert max(kernel.distinct() for kernel in kernels) <= 15
    assert len(made.artifact.payload) < 0.7 * len(trained.artifact.payload)
    in_litert = accuracy(made.artifact.predict, digits)
    assert in_litert >= accuracy(cnn.predict, digits) - 0.02
    assert accuracy(made.companions[0].predict, digits) == pytest.approx(in_litert, abs=0.006)
