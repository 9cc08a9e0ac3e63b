"""`task` compiled: the loss that a model was compiled with says how good its answers are."""

import keras
import numpy as np
import pytest

import tfopt
from tfopt.data.config import DataConfig
from tfopt.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = np.stack([X @ RNG.normal(size=(4, 3)), np.exp(X[:, :3])], axis=2).astype(np.float32)  # (300, 3, 2)


def relative(wanted, answers):
    """A loss of a user's own."""
    return keras.ops.mean(keras.ops.abs(wanted - answers) / (1 + keras.ops.abs(wanted)), axis=-1)


def built(loss):
    inputs = keras.Input((4,), name="numbers")
    x = keras.layers.Dense(16, "relu")(inputs)
    model = keras.Model(inputs, keras.layers.Reshape((3, 2))(keras.layers.Dense(6)(x)))
    model.compile("adam", loss)
    return model


def data(y=Y):
    return tfopt.load_data((X, y), DataConfig(task="compiled"))


@pytest.mark.parametrize("loss", ["huber", keras.losses.LogCosh(), relative])
def test_the_figure_is_the_loss_of_the_model_with_its_interval(loss):
    model, found = built(loss), data()
    [measurement] = tfopt.evaluate(model, data=found).measurements
    wanted = model.evaluate(found.test.x, found.test.y, verbose=0)
    assert measurement.deviation.measure == "loss"
    assert measurement.deviation.mae == pytest.approx(wanted, rel=1e-4)
    assert measurement.deviation.low < wanted < measurement.deviation.high


def test_a_loss_is_asked_about_answers_of_the_model_and_not_about_others():
    shares = np.exp(X[:, :3]) / np.exp(X[:, :3]).sum(axis=1, keepdims=True)  # all that a divergence is 0 or more for
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile("adam", "kl_divergence")
    model.layers[-1].set_weights([np.eye(4, 3), np.zeros(3)])
    [measurement] = tfopt.evaluate(model, data=data(shares)).measurements
    assert 0 <= measurement.deviation.mae < 1e-6


def test_a_technique_trains_with_a_loss_of_the_users_own_and_limits_its_growth():
    model, found = built(relative), data()
    model.fit(found.train.x, found.train.y, epochs=20, verbose=0)
    report = tfopt.prune(model, tfopt.PruneConfig(sparsity=0.5, epochs=4), data=found).report
    assert [one.deviation.measure for one in report.measurements] == ["loss", "loss"]
    assert report.data.baseline is None
    gates = tfopt.Gates(max_error_growth=1e-6)
    other = built(relative)
    [gate] = tfopt.compare([model, other], data=found, gates=gates).gates
    assert not gate.passed
    assert gate.gate == "max-error-growth"


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        (None, Y, "was saved without one"),
        ("huber", Y[:, :2], "does not take labels of shape"),
        (lambda wanted, answers: keras.ops.mean(answers), Y, "one number for a batch"),
        (lambda wanted, answers: keras.ops.mean(answers - 9 + 0 * wanted, axis=-1), Y, "negative for some samples"),
        ("huber", np.where(Y > 2, np.inf, Y), "NaN or infinite"),
        ("huber", np.full(300, "word"), "has words; `task` compiled needs numbers"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(loss, y, words):
    with pytest.raises(InputError, match=words):
        tfopt.evaluate(built(loss), data=data(y))


def test_no_model_is_built_for_it():
    with pytest.raises(InputError, match="bring one to memory:arrays"):
        tfopt.train(data=data())
