"""Files of Keras 2, written here by tf_keras, are opened as Keras 3 models that answer the same."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.legacy.to_keras3 import to_keras3
from tfopt.formats.loading import load_keras


@pytest.fixture(scope="module")
def old():
    inputs = tf_keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="swish", kernel_regularizer="l2")(inputs)
    x = layers.DepthwiseConv2D(3)(layers.BatchNormalization()(x))
    x = layers.Reshape((16, 4))(layers.LeakyReLU(0.1)(x))
    x = x + layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.LayerNormalization()(x))
    inner = tf_keras.Sequential([layers.Input((6,)), layers.Dense(5, activation="relu"), layers.Dense(3)], name="head")
    model = tf_keras.Model(inputs, layers.Softmax()(inner(layers.GlobalAveragePooling1D()(x * 2.0))))
    model.compile(tf_keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def samples():
    return np.random.default_rng(0).normal(size=(5, 8, 8, 1)).astype("float32")


@pytest.mark.parametrize("name", ["old.h5", "old.keras", "saved_model"])
def test_every_format_of_keras_2_is_opened_and_answers_the_same(old, samples, tmp_path, name):
    old.save(tmp_path / name)
    artifact = load_keras(tmp_path / name)
    assert isinstance(artifact.model, keras.Model)
    np.testing.assert_allclose(artifact.predict(samples), old.predict(samples, verbose=0), atol=1e-6)


def test_hdf5_under_a_keras_name_is_opened(old, samples, tmp_path):
    old.save(tmp_path / "old.h5")
    (tmp_path / "old.h5").rename(tmp_path / "old.keras")
    np.testing.assert_allclose(
        load_keras(tmp_path / "old.keras").predict(samples), old.predict(samples, verbose=0), atol=1e-6
    )


def test_compile_state_comes_along(old, tmp_path):
    old.save(tmp_path / "old.h5")
    model = load_keras(tmp_path / "old.h5").model
    assert model.loss == "sparse_categorical_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer_config", {"class_name": "Addons>LAMB", "config": {}}),
        ("loss", {"class_name": "Addons>TripletLoss", "config": {}}),
        ("loss", {"class_name": "deserialize", "config": {"name": "mse"}}),
        ("loss", "contrastive"),
    ],
)
def test_a_model_is_not_compiled_with_what_keras_3_has_not(old, samples, tmp_path, key, value):
    old.save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        file.attrs["training_config"] = json.dumps(json.loads(file.attrs["training_config"]) | {key: value})
    artifact = load_keras(tmp_path / "old.h5")
    assert not artifact.model.compiled
    np.testing.assert_allclose(artifact.predict(samples), old.predict(samples, verbose=0), atol=1e-6)


def test_nested_models_stay_nested_and_trainable_flags_stay(old):
    old.layers[1].trainable = False
    model = to_keras3(old, "old")
    old.layers[1].trainable = True
    assert [layer.name for layer in model.get_layer("head").layers][-1] == old.get_layer("head").layers[-1].name
    assert not model.layers[1].trainable


def test_weight_paths_of_keras_2_13_on_windows_are_understood(tmp_path):
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dropout(0.1), layers.Dense(2)])
    model.save(tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as archive:
        archive.extractall(tmp_path)
        with h5py.File(tmp_path / "model.weights.h5") as source, h5py.File(tmp_path / "old.h5", "w") as target:
            for ours, theirs in (("dense", "dense"), ("dense_1", "dense_2"), ("dropout", "dropout")):
                group = target.create_group(rf"_layer_checkpoint_dependencies\{theirs}").create_group("vars")
                for name, value in source[f"layers/{ours}/vars"].items():
                    group[name] = value[()]
            target.create_group("vars")
        with zipfile.ZipFile(tmp_path / "old.keras", "w") as mended:
            mended.writestr("metadata.json", archive.read("metadata.json"))
            mended.writestr("config.json", archive.read("config.json"))
            mended.write(tmp_path / "old.h5", "model.weights.h5")
    x = np.ones((1, 4), "float32")
    np.testing.assert_allclose(load_keras(tmp_path / "old.keras").predict(x), model.predict(x, verbose=0), atol=1e-6)


def test_a_lambda_is_refused_before_its_code_could_run(tmp_path):
    marker = tmp_path / "executed"
    name = str(marker)
    code = layers.Lambda(lambda x: (open(name, "w").close(), x)[1])  # noqa: PTH123
    model = tf_keras.Sequential([layers.Input((2,)), code])
    marker.unlink(missing_ok=True)
    for path in (tmp_path / "bad.h5", tmp_path / "bad.keras", tmp_path / "bad_saved_model"):
        model.save(path)
        marker.unlink(missing_ok=True)
        with pytest.raises(InputError, match="has a Lambda layer"):
            load_keras(path)
        assert not marker.exists()


def test_what_keras_3_has_no_layer_for_is_named():
    inputs = tf_keras.Input((4, 4, 1))
    model = tf_keras.Model(inputs, layers.LocallyConnected2D(2, 2, name="local")(inputs))
    with pytest.raises(UnsupportedError, match=r"local \(LocallyConnected2D\): Keras 3 has no LocallyConnected2D"):
        to_keras3(model, "model")


def test_a_function_that_changed_its_meaning_is_refused():
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(2, activation="hard_sigmoid")])
    with pytest.raises(UnsupportedError, match="hard_sigmoid is another function in Keras 3"):
        to_keras3(model, "model")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["old.h5", "old.keras"])
def test_a_truncated_file_is_one_sentence(old, tmp_path, name, share):
    old.save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError) as caught:
        load_keras(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_saved_model_that_keras_did_not_make_is_refused(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "plain"))
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).export(tmp_path / "exported", verbose=False)
    with pytest.raises(InputError, match=r"Keras 3's export.*without its layers.*\.keras file"):
        load_keras(tmp_path / "exported")
    with pytest.raises(InputError, match="a SavedModel that Keras did not make"):
        load_keras(tmp_path / "plain")


class Harm(tf.saved_model.experimental.TrackableResource):
    """A resource whose initializer, which TensorFlow runs when it loads a graph, writes a file."""

    def __init__(self, target):
        super().__init__()
        self.target = str(target)
        self.made = self.resource_handle

    def _create_resource(self):
        return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="harm")

    def _initialize(self):
        tf.raw_ops.Save(filename=self.target, tensor_names=["a"], data=[tf.constant(1.0)])

    def _destroy_resource(self):
        pass


def test_the_graphs_of_a_saved_model_are_not_run(tmp_path):
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.harm = Harm(tmp_path / "executed")
    model.save(tmp_path / "saved")
    (tmp_path / "executed").unlink(missing_ok=True)
    x = np.ones((1, 4), "float32")
    np.testing.assert_allclose(load_keras(tmp_path / "saved").predict(x), model.predict(x, verbose=0), atol=1e-6)
    assert not (tmp_path / "executed").exists()


def test_weights_without_an_architecture_are_refused(old, tmp_path):
    old.save_weights(tmp_path / "weights.h5")
    with pytest.raises(InputError, match="holds weights only"):
        load_keras(tmp_path / "weights.h5")


def test_an_unknown_custom_layer_is_named(tmp_path):
    class Mine(layers.Layer):
        pass

    tf_keras.Sequential([layers.Input((2,)), Mine()]).save(tmp_path / "mine.h5")
    with pytest.raises(InputError, match="uses Mine, a custom layer"):
        load_keras(tmp_path / "mine.h5")


def test_convert_writes_a_keras_3_file(old, samples, tmp_path, tfopt):
    old.save(tmp_path / "old.h5")
    ended = tfopt("convert", "old.h5", "new.keras")
    assert ended.code == 0, ended.err
    new = keras.saving.load_model(tmp_path / "new.keras")
    np.testing.assert_allclose(new.predict(samples, verbose=0), old.predict(samples, verbose=0), atol=1e-6)


def test_a_legacy_file_is_pruned_like_any_other(old, tmp_path, tfopt):
    old.save(tmp_path / "old.h5")
    ended = tfopt("prune", "old.h5", "--json")
    assert ended.code == 0, ended.err
    assert (tmp_path / "old-pruned.keras").exists()
    assert not any(change["action"] == "pruned" and change["sparsity"] < 0.49 for change in ended.report["layers"])
