"""What a whole kernel shares is shared in files of integers, too, so that targets store it in less."""

import keras
import numpy as np
import pytest
from keras import layers

import tfopt as library
from tests.conftest import context
from tfopt.conversion.config import PackConfig
from tfopt.conversion.convert import convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.shared_weights import are_shared, fitting_scale, with_shared_scales
from tfopt.formats.tflite.stored_weights import StoredWeights
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import call
from tfopt.runtime.progress import Silent
from tfopt.targets.store import store
from tfopt.techniques.clustering.cluster import cluster_weights
from tfopt.techniques.clustering.config import RATE, RELATIVE_RATE, ClusterConfig
from tfopt.techniques.clustering.technique import Cluster
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files


@pytest.fixture(scope="module")
def normalized():
    """A net whose normalizations multiply each channel by a factor of its own, of either sign."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 4))
    x = layers.ReLU()(layers.BatchNormalization(name="bn1")(layers.Conv2D(32, 3, name="c1")(inputs)))
    x = layers.ReLU()(layers.BatchNormalization(name="bn2")(layers.Conv2D(64, 3, name="c2")(x)))
    model = keras.Model(inputs, layers.Dense(10, name="classes")(layers.GlobalAveragePooling2D()(x)))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "gamma":
            weight.assign(rng.uniform(0.3, 3, weight.shape) * rng.choice([-1, 1], weight.shape))
    return load_keras(model)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "noise.npy"
    np.save(path, np.random.default_rng(0).normal(size=(40, 8, 8, 4)).astype("float32"))
    return path


@pytest.fixture(scope="module")
def files(normalized, noise, tmp_path_factory):
    """Files of integers of the net with 16 values in each kernel, its normalizations folded before or later."""
    folder = tmp_path_factory.mktemp("shared")
    made = {}
    for name, fold in (("later", False), ("before", True)):
        model = cluster_weights(normalized, ClusterConfig(fold=fold), context()).artifact
        config = library.QuantizeConfig(io="int8", batch=1, calibration=noise, keep_names=True)
        made[name] = library.quantize(model, config)
        made["model"] = model
        made[name].artifact.save(folder / f"{name}.tflite")
    return folder, made


def distinct(artifact):
    return [len(np.unique(one.chosen)) for one in StoredWeights(artifact.payload).read().values()]


def test_normalizations_are_folded_before_kernels_share_values(normalized):
    made = cluster_weights(normalized, ClusterConfig(clusters=200, fold=True), context())
    assert not any(isinstance(layer, layers.BatchNormalization) for _, layer in named_layers(made.artifact.model))
    told = {change.layer: (change.action, change.detail) for change in made.layers}
    assert told["bn2"] == ("folded", "into c2")
    assert {change.distinct for change in made.layers if change.action == "clustered"} == {200}
    x = np.random.default_rng(1).normal(size=(5, 8, 8, 4)).astype("float32")
    before, after = (np.asarray(call(one.model, [x])[0]) for one in (normalized, made.artifact))
    assert np.abs(after - before).max() < 0.02 * np.abs(before).max()


def test_a_plan_and_a_report_say_what_becomes_of_normalizations(normalized):
    planned = Cluster().plan(normalized, ClusterConfig(fold=True), context())
    assert planned["bn1"].detail == "folded into c1"
    told = {
        fold: any(
            "2 normalizations become factors of each channel" in note
            for note in cluster_weights(normalized, ClusterConfig(fold=fold), context()).notes
        )
        for fold in (False, True)
    }
    assert told == {False: True, True: False}


def test_the_learning_rate_of_folded_kernels_is_relative_to_their_size():
    assert (ClusterConfig().rate, ClusterConfig(fold=True).rate) == (RATE, RELATIVE_RATE)
    assert ClusterConfig(fold=True, learning_rate=0.5).rate == 0.5


def test_values_of_a_whole_kernel_are_the_same_integers_in_all_channels(files):
    _, made = files
    assert max(distinct(made["before"].artifact)) <= 16
    assert max(distinct(made["later"].artifact)) > 2 * 16
    assert any("3 kernels have one scale for all channels" in note for note in made["before"].report.notes)


def test_a_file_with_one_scale_answers_nearly_as_the_float_one(files, noise):
    _, made = files
    x = np.load(noise)
    answers = made["before"].artifact.predict(x)
    assert np.abs(answers - made["model"].predict(x)).max() < 0.1 * np.abs(answers).max()


def test_vela_packs_what_all_channels_share(files):
    folder, _ = files
    sizes = {
        name: len(store(folder / f"{name}.tflite", "ethos-u55-128", PackConfig(), Silent())[0])
        for name in ("later", "before")
    }
    assert sizes["before"] < 0.9 * sizes["later"]


def test_the_scale_is_the_one_by_which_the_values_are_nearest_to_integers():
    values = np.array([-110, -37, 5, 61]) / 110
    kernel = np.random.default_rng(0).choice(values, (3, 3, 8, 16))
    assert fitting_scale(kernel) == pytest.approx(1 / 110, rel=1e-3)


def test_values_of_each_channel_alone_keep_a_scale_for_each():
    model = keras.Sequential([keras.Input((40,)), layers.Dense(8, use_bias=False)])
    signs = np.random.default_rng(0).choice([-1, 1], (40, 8)) * np.linspace(0.1, 3, 8)
    model.layers[0].kernel.assign(signs)
    source = convert(KerasArtifact.from_model(model, "m.keras"), Silent()).artifact
    x = np.random.default_rng(1).normal(size=(20, 40)).astype("float32")
    [file] = quantize_files(source, QuantizeConfig(), {source.input_names[0]: x}, Silent())
    assert with_shared_scales(file.payload, source.payload) == file.payload
    [stored] = StoredWeights(file.payload).read().values()
    assert len(np.unique(stored.scale)) == 8


@pytest.mark.parametrize(("kernel", "shared"), [(np.arange(12.0).reshape(6, 2), False), (np.ones((6, 2)), True)])
def test_few_values_are_shared_and_many_are_not(kernel, shared):
    assert are_shared(kernel) is shared
