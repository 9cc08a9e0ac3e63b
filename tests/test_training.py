import json
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import tfopt
from tests.conftest import process
from tfopt.errors import UnsupportedError
from tfopt.formats.loading import load_keras
from tfopt.runtime.progress import Silent
from tfopt.tasks.losses import loss_of
from tfopt.tasks.registry import rules_of
from tfopt.training.batches import evaluation_batches, training_batches
from tfopt.training.config import TrainConfig
from tfopt.training.train import train

CLASSES = rules_of("classification")


def test_every_sample_comes_once_an_epoch_in_batches_of_nearly_equal_size():
    x = np.arange(1025)
    batches = [b for b, _ in training_batches([x], x, batch_size=64, seed=0, first_epoch=0, epochs=2)]
    sizes = {len(batch) for batch in batches}
    assert len(batches) == 2 * 17
    assert sizes == {60, 61}
    for epoch in (batches[:17], batches[17:]):
        assert sorted(np.concatenate(epoch).tolist()) == x.tolist()


def test_the_order_depends_on_seed_and_epoch_only_so_that_a_resumed_run_sees_the_same():
    x = np.arange(100)

    def order(seed, first):
        batches = training_batches([x], x, batch_size=30, seed=seed, first_epoch=first, epochs=3)
        return np.concatenate([b for b, _ in batches])

    whole = order(0, 0)
    np.testing.assert_array_equal(order(0, 2), whole[200:])
    assert not np.array_equal(whole[:100], whole[100:200])
    assert not np.array_equal(order(1, 0), whole)


def test_evaluation_batches_keep_the_order_and_leave_no_small_last_one():
    x = np.arange(65)
    batches = [b.numpy() for b, _ in evaluation_batches([x], x, batch_size=64)]
    np.testing.assert_array_equal(np.concatenate(batches), x)
    assert [len(b) for b in batches] == [32, 33]


@pytest.mark.parametrize(
    ("units", "activation", "name", "labels"),
    [
        (3, "softmax", "sparse_categorical_crossentropy", [0, 2]),
        (3, None, "sparse_categorical_crossentropy", [0, 2]),
        (1, "sigmoid", "binary_crossentropy", [[0.0], [2.0]]),
    ],
)
def test_an_uncompiled_model_gets_the_loss_of_its_output(units, activation, name, labels):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, activation=activation)])
    loss = loss_of(model, CLASSES)
    assert loss.name == name
    assert loss.get_config()["from_logits"] is (activation is None)
    assert CLASSES.encoder(loss, units)(np.array([0, 2])).tolist() == labels


def test_a_model_compiled_for_one_hot_labels_keeps_its_loss_and_gets_them():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="categorical_crossentropy")
    assert loss_of(model, CLASSES) == "categorical_crossentropy"
    assert CLASSES.encoder(loss_of(model, CLASSES), 3)(np.array([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    "loss",
    [
        "kl_divergence", "categorical_hinge", "binary_crossentropy", "poisson", "mse", keras.losses.KLDivergence(),
        keras.losses.CategoricalFocalCrossentropy(), keras.losses.cosine_similarity, ["categorical_crossentropy"],
    ],
)  # fmt: skip
def test_every_loss_of_keras_that_compares_with_outputs_gets_one_hot_labels(loss):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss=loss)
    targets = CLASSES.encoder(loss_of(model, CLASSES), 3)(np.array([2, 0]))
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert np.isfinite(
        keras.losses.get(loss_of(model, CLASSES))(targets, np.full((2, 3), 0.3, np.float32)).numpy()
    ).all()


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy(name="x")]
)
def test_sparse_losses_get_indices(loss):
    assert CLASSES.encoder(loss, 3)(np.array([2, 0])).tolist() == [2, 0]


def my_loss(wanted, outputs):
    return keras.ops.mean(keras.ops.square(wanted - outputs))


class MyLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return my_loss(y_true, y_pred)


@pytest.mark.parametrize("loss", [my_loss, MyLoss(), lambda wanted, outputs: outputs])
def test_a_loss_of_the_users_own_is_refused_by_name_and_not_replaced(loss):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss=loss)
    with pytest.raises(
        UnsupportedError, match=r"was compiled with (my_loss|MyLoss|<lambda>), which is no loss of Keras"
    ):
        loss_of(model, CLASSES)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_model_whose_loss_cannot_be_loaded_is_loaded_without_and_that_is_said(tfopt, tmp_path, suffix):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="a")])
    model.compile(loss=my_loss)
    model.save(tmp_path / f"m.{suffix}")
    ended = tfopt("prune", f"m.{suffix}", "-o", "p.keras", "--json")
    assert ended.code == 0, ended.err
    assert any(note.startswith("loaded without its loss") and "my_loss" in note for note in ended.report["notes"])


def test_in_python_a_model_with_a_lambda_for_its_loss_is_loaded_without_and_that_is_said():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="a")])
    model.compile(loss=lambda wanted, outputs: outputs)
    notes = tfopt.prune(model).report.notes
    assert any("loaded without its loss" in note and "lambda" in note for note in notes)


def test_an_h5_of_keras_3_with_the_name_of_a_loss_keeps_it(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", loss="mse")
    model.save(tmp_path / "m.h5")
    assert load_keras(tmp_path / "m.h5").model.loss == "mse"
    model.compile(keras.optimizers.SGD(0.1, momentum=0.7), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.save(tmp_path / "n.h5")
    found = load_keras(tmp_path / "n.h5").model
    assert (found.optimizer.momentum, found.loss.get_config()["from_logits"]) == (0.7, True)


def test_same_seed_same_weights_and_another_seed_others(digits):
    def weights(seed):
        return train(TrainConfig(epochs=2, seed=seed), digits, Silent()).model.get_weights()

    first, again, other = weights(0), weights(0), weights(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_two_processes_with_the_same_seed_write_the_same_weights(tmp_path):
    for name in ("a", "b"):
        assert process("train", "--epochs", 2, "-o", f"{name}.keras", "-q", folder=tmp_path).code == 0
    first, second = (keras.saving.load_model(tmp_path / f"{n}.keras").get_weights() for n in "ab")
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_weights_of_the_best_epoch_are_kept_and_training_stops_after_it(digits):
    config = TrainConfig(arch="mlp", epochs=40, patience=1, learning_rate=0.05)
    trained = train(config, digits, Silent())
    losses = [epoch["val_loss"] for epoch in trained.result.history]
    assert trained.result.best_epoch == int(np.argmin(losses))
    assert len(losses) == trained.result.best_epoch + 2 < 40
    loss, _ = trained.model.evaluate(digits.validation.x, digits.validation.y, verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-4)


@pytest.mark.slow
def test_two_replicas_with_the_same_global_batch_end_where_one_does(tmp_path, report_of):
    ended = process("train", "--distributed", "--replicas", 2, "-o", "two.keras", "--json", folder=tmp_path)
    assert ended.code == 0, ended.err
    one = report_of("model.keras")["measurements"][0]["accuracy"]["value"]
    assert ended.report["measurements"][0]["accuracy"]["value"] == pytest.approx(one, abs=0.02)  # 7 of 359 samples
    assert [device.rsplit("/", 1)[-1] for device in ended.report["replicas"]] == ["device:CPU:0", "device:CPU:1"]


@pytest.mark.slow
def test_a_killed_run_resumes_and_ends_as_an_undisturbed_one(tmp_path):
    options = ("--epochs", 12, "--patience", 3, "--learning-rate", 0.004)
    assert process("train", *options, "-o", "whole.keras", "-q", folder=tmp_path).code == 0
    command = [sys.executable, "-m", "tfopt", "train", *map(str, options), "-o", "killed.keras", "-q"]
    running = subprocess.Popen(command, cwd=tmp_path)
    state = tmp_path / "killed.keras.checkpoint" / "state.json"
    while running.poll() is None and not (state.exists() and json.loads(state.read_text())["position"][0] >= 4):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.keras").exists()

    refused = process("train", *options, "-o", "killed.keras", folder=tmp_path)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--resume" in refused.err
    other = process("train", "--epochs", 9, "-o", "killed.keras", "--resume", folder=tmp_path)
    assert other.code == 2
    assert "another epochs, learning_rate, patience" in other.err

    ended = process("train", *options, "-o", "killed.keras", "--resume", "--json", folder=tmp_path)
    assert ended.code == 0, ended.err
    assert any("resumed after epoch" in note for note in ended.report["notes"])
    whole, resumed = (keras.saving.load_model(tmp_path / f"{n}.keras").get_weights() for n in ("whole", "killed"))
    assert all(np.array_equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert not state.parent.exists()


def test_training_that_diverges_is_said_so_and_writes_nothing(tfopt, tmp_path):
    ended = tfopt("train", "--arch", "mlp", "--epochs", 2, "--learning-rate", 10, "--batch-size", 1000)
    if ended.code == 0:  # it did not diverge: then the report must show what came out
        assert (tmp_path / "model.keras").exists()
    else:
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert not (tmp_path / "model.keras").exists()


def test_tensorboard_logs_are_written(tfopt, tmp_path):
    pytest.importorskip("tensorboard")
    assert tfopt("train", "--arch", "mlp", "--epochs", 1, "--tensorboard", "logs").code == 0
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))


def test_tensorboard_logs_where_no_folder_can_be(tfopt, tmp_path):
    pytest.importorskip("tensorboard")
    (tmp_path / "file").touch()
    ended = tfopt("train", "--arch", "mlp", "--epochs", 1, "--tensorboard", "file/logs")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "--tensorboard file/logs cannot be a folder of logs: Not a directory" in ended.err


def test_a_folder_beside_the_checkpoint_is_left_alone(tfopt, tmp_path):
    mine = tmp_path / "m.keras.checkpoint-backup"
    mine.mkdir()
    assert tfopt("train", "--arch", "mlp", "--width", 4, "--epochs", 1, "-o", "m.keras", "-q").code == 0
    assert [path.name for path in tmp_path.iterdir() if "checkpoint" in path.name] == [mine.name]


def test_class_weights_are_for_classes(tfopt):
    ended = tfopt("train", "--data", "diabetes", "--class-weights")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "for classification" in ended.err


def test_what_lies_in_the_folder_of_the_checkpoint_stays(tfopt, tmp_path):
    precious = tmp_path / "m.keras.checkpoint" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("precious")
    assert tfopt("train", "--arch", "mlp", "--size", "tiny", "--epochs", 1, "-o", "m.keras", "-q").code == 0
    assert [path.name for path in precious.parent.iterdir()] == ["thesis.txt"]
    assert precious.read_text() == "precious"
