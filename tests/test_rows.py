"""A layer is its kernel as a matrix, applied to its rows: so each kind of layer is held to what it answers itself."""

import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfopt.graph.liveness import peak_values
from tfopt.graph.moments import MOST_ROWS, gather_moments
from tfopt.graph.replay import Call, replay
from tfopt.graph.rows import linear_maps

IMAGE, SERIES, VOLUME = (5, 9, 8, 4), (5, 10, 4), (3, 5, 6, 4, 2)
CASES = {
    "dense": (layers.Dense(3), (5, 4)),
    "dense on a sequence": (layers.Dense(3), SERIES),
    "same": (layers.Conv2D(6, (3, 2), strides=2, padding="same"), IMAGE),
    "valid": (layers.Conv2D(6, (3, 2), strides=(2, 1)), IMAGE),
    "dilated": (layers.Conv2D(6, 3, dilation_rate=2), IMAGE),
    "groups": (layers.Conv2D(6, 3, groups=2, padding="same"), IMAGE),
    "causal": (layers.Conv1D(3, 3, padding="causal", dilation_rate=2), SERIES),
    "volume": (layers.Conv3D(3, 2, padding="same"), VOLUME),
    "transposed": (layers.Conv2DTranspose(6, 3, strides=2, padding="same"), IMAGE),
    "transposed, valid": (layers.Conv2DTranspose(6, (2, 3), strides=(1, 2)), IMAGE),
    "transposed series": (layers.Conv1DTranspose(6, 3, strides=2), SERIES),
    "depthwise": (layers.DepthwiseConv2D(3, strides=2, padding="same"), IMAGE),
    "depthwise, two each": (layers.DepthwiseConv2D((2, 3), depth_multiplier=2), IMAGE),
    "depthwise series": (layers.DepthwiseConv1D(3), SERIES),
    "einsum": (layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de"), SERIES),
    "einsum of two": (layers.EinsumDense("abcd,cde->abe", (None, 3), bias_axes="e"), IMAGE),
    "einsum, bias of positions": (layers.EinsumDense("abc,cd->abd", (5, 6), bias_axes="bd"), (3, 5, 4)),
    "einsum, no bias": (layers.EinsumDense("ab,bc->ac", 3), (5, 4)),
    "time distributed": (layers.TimeDistributed(layers.Conv2D(6, 3)), (2, 3, 9, 8, 4)),
    "attention": (layers.MultiHeadAttention(2, 3), SERIES),
    "separable": (layers.SeparableConv2D(6, 3, padding="same", depth_multiplier=2), IMAGE),
    "separable series": (layers.SeparableConv1D(6, 3), SERIES),
}
UNSEEN = {
    "groups, channels first": layers.Conv2D(6, 3, data_format="channels_first"),
    "kept by position": layers.EinsumDense("abc,bcd->abd", (None, 3)),
    "bias of other channels": layers.EinsumDense("abc,cde->abed", (None, 3, 2), bias_axes="ed"),
    "recurrent": layers.GRU(4),
}


def called(layer, shape):
    x = tf.random.stateless_normal(shape, seed=(1, 2))
    arguments = (x, x) if isinstance(layer, layers.MultiHeadAttention) else (x,)
    answers = layer(*arguments)
    for weight in layer.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))
    return Call(layer.name, layer, arguments, {}), answers


@pytest.mark.parametrize("kind", CASES)
def test_the_rows_times_the_kernel_are_the_answers(kind):
    layer, shape = CASES[kind]
    call, _ = called(layer, shape)
    maps = list(linear_maps(layer))
    last = maps[-1]
    rows, kernel = last.rows(call).numpy(), last.read()
    found = np.einsum("mgk,gkc->mgc", rows, kernel).reshape(len(rows), -1)
    if last.bias is not None:
        found = found.reshape(-1, last.bias.numpy().size) + last.bias.numpy().ravel()
    np.testing.assert_allclose(found.ravel(), call.infer().numpy().ravel(), rtol=1e-4, atol=1e-4)
    assert sum(int(np.prod(each.kernel.shape)) for each in maps) == sum(
        int(np.prod(weight.shape)) for weight in layer.weights if "kernel" in weight.name
    )
    last.write(2 * kernel)
    np.testing.assert_allclose(last.read(), 2 * kernel)


@pytest.mark.parametrize("kind", [kind for kind in CASES if "no bias" not in kind])
def test_what_is_added_to_the_bias_is_added_to_the_channels_of_all_answers(kind):
    layer, shape = CASES[kind]
    call, _ = called(layer, shape)
    last = list(linear_maps(layer))[-1]
    before, shift = call.infer().numpy(), np.arange(last.read()[:, 0].size, dtype="float32")
    last.shift(shift.reshape(last.groups, -1))
    added = (call.infer().numpy() - before).reshape(-1, shift.size)
    np.testing.assert_allclose(added, np.broadcast_to(shift, added.shape), atol=1e-3)


@pytest.mark.parametrize("kind", UNSEEN)
def test_what_cannot_be_seen_has_no_rows(kind):
    assert list(linear_maps(UNSEEN[kind])) == []


def test_a_projection_of_attention_is_seen_with_what_it_is_called_with():
    query, value = (tf.random.stateless_normal((2, size, 4), seed=(size, 2)) for size in (3, 5))
    layer = layers.MultiHeadAttention(2, 3)
    call = Call("attention", layer, (query, value), {})
    before = call.infer()
    for each, given in zip(linear_maps(layer), (query, value, value), strict=False):
        np.testing.assert_allclose(each.rows(call)[:, 0], tf.reshape(given, (-1, 4)))
    np.testing.assert_array_equal(call.infer(), before)


def test_moments_of_batches_are_those_of_the_whole():
    rng = np.random.default_rng(0)
    before, after = (rng.normal(size=(90, 2, 6)).astype("float32") + 3 for _ in range(2))
    kernel = rng.normal(size=(2, 6, 4))
    found = gather_moments(((before[s : s + 40], after[s : s + 40], 40) for s in (0, 40, 80)), kernel)
    answers = np.einsum("mgk,gkc->mgc", before, kernel)
    centred, target = after - after.mean(axis=0), answers - answers.mean(axis=0)
    assert found.rows == 90
    np.testing.assert_allclose(found.mean, after.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.mean_answer, answers.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.second, np.einsum("mgk,mgl->gkl", centred, centred) / 90, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.cross, np.einsum("mgk,mgc->gkc", centred, target) / 90, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.power, target.var(axis=0), rtol=1e-4)


def test_of_many_patches_of_a_sample_some_are_looked_at():
    x = np.random.default_rng(0).normal(size=(4000, 1, 3)).astype("float32")
    found = gather_moments([(x, x, 2)], np.ones((1, 3, 1)))
    assert found.rows == 2 * MOST_ROWS
    np.testing.assert_allclose(found.second[0], np.eye(3), atol=0.2)


def test_what_no_later_layer_reads_is_forgotten():
    inputs = keras.Input((4,))
    x = layers.Dense(10)(inputs)
    for _ in range(20):
        x = layers.ReLU()(x)
    model = keras.Model(inputs, layers.Add()([x, layers.Dense(10)(inputs)]))
    assert peak_values(model) <= 4 + 3 * 10
    counts, alive = [], []

    class Answer:
        pass

    def visit(call):
        answer = Answer()
        alive.append(weakref.ref(answer))
        counts.append(sum(each() is not None for each in alive))
        return answer

    assert len(replay(model, [object()], visit)) == 1
    assert len(counts) == 23
    assert max(counts) <= 3
