import dataclasses

import numpy as np
import pytest

import tfopt
from tfopt.data.dataset import Split
from tfopt.errors import InputError, TfoptError
from tfopt.models.architectures import build
from tfopt.models.signature import Signature
from tfopt.report.shootout import Gradients
from tfopt.runtime.processes import run
from tfopt.runtime.progress import Silent
from tfopt.shootouts.budget import fit_width, largest_width
from tfopt.shootouts.callbacks import GradientNorms, Stopwatch
from tfopt.shootouts.comparison import estimate, shootout
from tfopt.shootouts.config import ShootoutConfig
from tfopt.training.config import TrainConfig
from tfopt.training.train import train


def test_the_width_is_the_largest_within_the_budget():
    assert largest_width(lambda width: width**2, 24**2, "x") == 24
    assert largest_width(lambda width: width**2, 32**2 - 1, "x") == 24
    assert largest_width(lambda width: width**2, 16, "x") == 4
    with pytest.raises(InputError, match="at least 16 parameters on this data, more than the 15"):
        largest_width(lambda width: width**2, 15, "x")


@pytest.mark.slow
def test_a_fitted_architecture_has_at_most_so_many_parameters_and_the_next_width_more(digits):
    signature = Signature.of(digits)
    found = fit_width(TrainConfig(arch="mlp"), signature, 10_000)
    assert build(found, signature).count_params() <= 10_000
    wider = found.model_copy(update={"width": found.width + 8})
    assert build(wider, signature).count_params() > 10_000


def test_the_mean_over_seeds_has_the_interval_of_student():
    found = estimate([0.9, 0.92, 0.94])
    assert (found.mean, found.low, found.high) == pytest.approx((0.92, 0.92 - 0.04968, 0.92 + 0.04968), abs=1e-4)
    assert estimate([0.99, 0.9]).high == 1.0
    assert estimate([0.9]).low is None


def test_gradient_norms_are_those_of_the_loss_and_watching_changes_no_weight(digits):
    import keras
    import tensorflow as tf

    config = TrainConfig(arch="mlp", width=8, epochs=2)
    norms, watch = GradientNorms(digits.train, digits.task), Stopwatch()
    watched = train(config, digits, Silent(), callbacks=[watch, norms]).model
    plain = train(config, digits, Silent()).model
    assert all(np.array_equal(a, b) for a, b in zip(watched.get_weights(), plain.get_weights(), strict=True))
    assert (len(norms.norms), len(watch.seconds)) == (3, 2)

    some = digits.train.rows(slice(256))
    callback = GradientNorms(some, digits.task)
    callback.set_model(plain)
    callback.on_train_begin()
    kernels = [plain.get_layer("hidden1").kernel.value, plain.get_layer("classes").kernel.value]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(some.y, plain(some.x)))
    expected = [float(np.sqrt(np.mean(np.square(g)))) for g in tape.gradient(loss, kernels)]
    assert callback.norms[0] == pytest.approx(expected, rel=1e-4)


def test_a_ratio_far_below_one_is_a_gradient_that_vanishes():
    assert Gradients(first=[1e-6, 0.5], last=[1e-2, 0.5]).ratios == pytest.approx([1e-4, 1.0])


def test_time_ends_a_training(digits):
    watch = Stopwatch(0.05)
    result = train(TrainConfig(arch="mlp", width=8, epochs=1000), digits, Silent(), callbacks=[watch]).result
    assert len(result.history) < 100


def test_children_train_on_the_data_that_they_are_given_and_never_see_its_test_split(digits, monkeypatch):
    def shifted(split):
        return Split(split.inputs, (split.y + 1) % 10)

    def spied(target, config, data, *arguments):
        given.append(data)
        return run(target, config, data, *arguments)

    given = []
    monkeypatch.setattr("tfopt.shootouts.comparison.run", spied)
    other = dataclasses.replace(digits, **{name: shifted(split) for name, split in digits.splits()})
    config = ShootoutConfig(archs=("mlp",), seeds=1, training=TrainConfig(epochs=8))
    [mlp] = tfopt.shootout(config, other).contestants
    assert mlp.score.mean > 0.6  # with the labels of the source it would be next to 0
    assert [len(data.test) for data in given] == [0]


def test_a_training_that_fails_says_which(digits, monkeypatch):
    def failing(*_):
        return run("tests.children:refuses", "training diverged")

    monkeypatch.setattr("tfopt.shootouts.comparison.run", failing)
    with pytest.raises(TfoptError, match=r"^`arch` mlp failed: training diverged$"):
        shootout(ShootoutConfig(archs=("mlp",), seconds=1), digits, Silent())


@pytest.mark.slow
def test_architectures_are_compared_from_the_command_line(tfopt):
    ended = tfopt(
        "shootout", "--arch", "mlp,seq2seq", "--seeds", 2, "--epochs", 2, "--parameters", 5000, "--json"
    )  # fmt: skip
    assert ended.code == 0, ended.err
    [mlp] = ended.report["contestants"]
    assert mlp["measurement"]["parameters"] <= 5000
    assert len(mlp["scores"]) == 2
    assert mlp["score"]["low"] <= mlp["score"]["mean"] <= mlp["score"]["high"]
    assert mlp["measurement"]["latency"]["runs"] >= 2  # as conftest has it
    assert mlp["added_bytes"] > 0
    assert any(note.startswith("seq2seq is left out") for note in ended.report["notes"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--arch", "mlp,ccn"), "ccn is not known"),
        (("--arch", "mlp,mlp"), "names an architecture twice"),
        (("--seconds", 3, "--parameters", 100), "two budgets"),
        (("--arch", "mlp", "--parameters", 100), "at least"),
    ],
)
def test_bad_options_are_one_sentence(tfopt, options, sentence):
    ended = tfopt("shootout", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert sentence in ended.err


def test_two_budgets_are_refused_in_python():
    with pytest.raises(InputError, match="two budgets"):
        ShootoutConfig(parameters=3, seconds=1)
