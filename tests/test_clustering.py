import keras
import numpy as np
import pytest
from keras import layers

from tests.conftest import SAMPLES, context
from tfopt.errors import InputError
from tfopt.formats.loading import load_keras
from tfopt.techniques.clustering.centroids import clustered, nearest, starts
from tfopt.techniques.clustering.cluster import assign_shared, cluster_weights
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.training.fit_tf_keras import ProjectedAdam
from tfopt.training.optimizers import make_optimizer
from tfopt.training.projections import cluster_assignment, preserving_projection


@pytest.fixture(scope="module")
def cnn():
    return load_keras(SAMPLES / "digits-cnn.keras")


def kernels(model):
    return [weight.numpy() for weight in model.weights if weight.name == "kernel"]


def test_weights_go_to_the_nearest_centroid():
    np.testing.assert_array_equal(nearest(np.array([-9.0, 0.4, 0.6, 7]), np.array([1.0, 0, 3])), [0, 0, 1, 3])


def test_starts_are_what_their_names_say():
    weights = np.array([0.0, 1, 1, 1, 1, 1, 1, 8])
    np.testing.assert_allclose(starts(weights, 3, "linear", 0), [0, 4, 8])
    np.testing.assert_allclose(starts(weights, 2, "density", 0), [1, 1])
    assert set(starts(weights, 3, "kmeans++", 0)) == {0, 1, 8}
    assert 0 <= starts(weights, 3, "random", 0).min() < starts(weights, 3, "random", 0).max() <= 8


@pytest.mark.parametrize("init", ["kmeans++", "density", "linear", "random"])
def test_centroids_are_means_of_their_weights_and_zeros_stay(init):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 8)).astype("float32")
    kernel[kernel < -0.5] = 0
    result = clustered(kernel, 5, init, 0, per_channel=False, keep=True)
    np.testing.assert_array_equal(result == 0, kernel == 0)
    assert len(np.unique(result)) == 5
    for value in np.unique(result):
        assert kernel[result == value].mean() == pytest.approx(value, abs=1e-3)


def test_per_channel_each_channel_has_its_own_values():
    kernel = np.random.default_rng(0).normal(size=(40, 3)) * [1, 10, 100]
    result = clustered(kernel, 4, "density", 0, per_channel=True, keep=True)
    assert [len(np.unique(column)) for column in result.T] == [4, 4, 4]
    whole = clustered(kernel, 4, "density", 0, per_channel=False, keep=True)
    assert ((result - kernel) ** 2)[:, 0].sum() < ((whole - kernel) ** 2)[:, 0].sum()


def test_shared_values_are_recognized_in_a_kernel_and_in_its_channels():
    kernel = np.array([[1.0, 5], [1, 6], [2, 5], [2, 6], [1, 5], [2, 6]])
    index, count = cluster_assignment(kernel)
    assert count == 4
    np.testing.assert_array_equal(index == index[0, 0], kernel == 1)
    assert cluster_assignment(np.arange(12.0).reshape(6, 2)) is None


def test_training_keeps_weights_shared_by_giving_them_their_mean():
    project = preserving_projection(np.array([[1.0, 1, 2, 2, 0, 0]]), sparsity=True, clusters=True)
    np.testing.assert_allclose(project(np.array([[1.0, 3, 5, 6, 7, 8]])), [[2, 2, 5.5, 5.5, 0, 0]])
    assert preserving_projection(np.arange(1.0, 7).reshape(1, 6), sparsity=True, clusters=True) is None


@pytest.mark.parametrize("engine", ["keras", "tf_keras"])
def test_a_centroid_moves_by_the_sum_of_the_gradients_of_its_weights(engine):
    """One step of Adam from rest is the rate against the sign of the gradient: here of 3 - 1 - 1, and of -4."""
    import tensorflow as tf

    kernel = np.array([[0.5, 0.5, 0.5, 2.0, 2.0, 0.0]], np.float32)
    gradient = np.array([[3.0, -1, -1, -2, -2, 7]], np.float32)
    if engine == "keras":
        weight = keras.Variable(kernel)
        assign_shared(weight, kernel, sparsity=True)
        optimizer = make_optimizer(0.1, 1, tied=True)
        optimizer.apply([gradient], [weight])
    else:
        weight = tf.Variable(kernel)
        projection = preserving_projection(kernel, sparsity=True, clusters=True)
        ProjectedAdam(0.1, [(weight, projection)]).apply_gradients([(tf.constant(gradient), weight)])
    np.testing.assert_allclose(weight.numpy(), [[0.4, 0.4, 0.4, 2.1, 2.1, 0]], atol=1e-5)


@pytest.fixture(scope="module")
def shared(cnn, digits):
    return cluster_weights(cnn, ClusterConfig(clusters=16, epochs=3), context(digits))


def test_every_clustered_kernel_has_at_most_the_asked_number_of_values(shared):
    assert [len(np.unique(kernel)) for kernel in kernels(shared.artifact.model)] == [16] * 5
    assert [change.distinct for change in shared.layers if change.action == "clustered"] == [16] * 5


def test_centroids_are_trained_and_accuracy_is_kept(cnn, shared, digits):
    untrained = cluster_weights(cnn, ClusterConfig(clusters=16), context())
    assert not np.array_equal(kernels(untrained.artifact.model)[1], kernels(shared.artifact.model)[1])
    right = shared.artifact.model.predict(digits.test.x, verbose=0).argmax(axis=1) == digits.test.y
    before = cnn.predict(digits.test.x).argmax(axis=1) == digits.test.y
    assert right.mean() >= before.mean() - 0.01


def test_the_result_is_the_plain_model_compiled_as_it_was(cnn, shared):
    assert shared.artifact.model.get_config() == cnn.fresh_model().get_config()
    assert shared.artifact.model.get_compile_config()["loss"] == cnn.fresh_model().get_compile_config()["loss"]


def test_zeros_survive_clustering_unless_they_need_not(cnn, digits):
    model = cnn.fresh_model()
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            layer.kernel.assign(np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, kernel))
    sparse = load_keras(model)
    made = cluster_weights(sparse, ClusterConfig(epochs=1), context(digits))
    for was, now in zip(kernels(sparse.model), kernels(made.artifact.model), strict=True):
        np.testing.assert_array_equal(now == 0, was == 0)
        assert len(np.unique(now)) <= 16
    lost = cluster_weights(sparse, ClusterConfig(epochs=1, keep_sparsity=False), context(digits))
    assert not any((kernel == 0).any() for kernel in kernels(lost.artifact.model))


def test_per_channel_skips_kernels_with_too_few_weights_in_a_channel(cnn):
    made = cluster_weights(cnn, ClusterConfig(per="channel"), context())
    assert {change.layer: change.detail for change in made.layers}["conv1a"].startswith(
        "9 weights in each output channel"
    )
    columns = kernels(made.artifact.model)[1].reshape(-1, 16).T
    assert max(len(np.unique(column)) for column in columns) == 16
    assert len(np.unique(kernels(made.artifact.model)[1])) > 16


def test_recurrent_kernels_and_embeddings_are_clustered():
    model = keras.Sequential([keras.Input((5,)), layers.Embedding(20, 8), layers.GRU(8), layers.Dense(2)])
    made = cluster_weights(load_keras(model), ClusterConfig(clusters=4), context())
    actions = {change.kind: (change.action, change.distinct) for change in made.layers}
    assert actions == dict.fromkeys(("Embedding", "GRU", "Dense"), ("clustered", 4))


def test_more_clusters_than_weights_is_an_error():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    with pytest.raises(InputError, match="`clusters` 16 is too many"):
        cluster_weights(load_keras(model), ClusterConfig(), context())
