import keras
import numpy as np
import pytest

from tfopt.core.provenance import load_data
from tfopt.data.config import DataConfig
from tfopt.runtime.progress import Silent
from tfopt.tasks.losses import smoothed
from tfopt.training.batches import balanced_sample_weights
from tfopt.training.callbacks import Plateau, count_plateaus
from tfopt.training.config import TrainConfig
from tfopt.training.fit import fit
from tfopt.training.optimizers import make_learning_rate, make_optimizer
from tfopt.training.plan import FitPlan
from tfopt.training.train import train


def rates(decay, warmup=0):
    rate = make_learning_rate(0.1, 100, decay, warmup)
    return [float(rate(step)) if callable(rate) else rate for step in (0, 9, 49, 51, 76, 99)]


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        ("constant", [0.1, 0.1, 0.1, 0.1, 0.1, 0.1]),
        ("cosine", [0.1, 0.098, 0.0516, 0.0484, 0.0136, 0.0]),
        ("exponential", [0.1, 0.0661, 0.0105, 0.0095, 0.003, 0.001]),
        ("step", [0.1, 0.1, 0.1, 0.01, 0.001, 0.001]),
    ],
)
def test_the_learning_rate_goes_as_asked(decay, expected):
    assert rates(decay) == pytest.approx(expected, abs=1e-3)


def test_a_warm_up_rises_from_near_zero_and_the_decay_begins_after_it():
    assert rates("cosine", warmup=10) == pytest.approx([0.01, 0.1, 0.0604, 0.0569, 0.0165, 0.0], abs=1e-3)


def test_a_plateau_is_three_epochs_without_a_lower_loss():
    assert count_plateaus([1, 0.9, 0.8]) == 0
    assert count_plateaus([0.8, 0.9, 0.9, 0.9]) == 1
    assert count_plateaus([0.8, 0.9, 0.9, 0.9, 0.7, 0.7, 0.7]) == 1
    assert count_plateaus([0.8] * 7) == 2
    callback = Plateau(1.0, [{"val_loss": 0.8}] * 7)
    callback.set_model(type("Model", (), {"optimizer": make_optimizer(1.0, 10)})())
    callback.on_epoch_begin(7)
    assert float(callback.model.optimizer.learning_rate) == pytest.approx(0.09)


def test_weight_decay_spares_biases_and_normalizations():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    adamw = make_optimizer(0.1, 10, weight_decay=0.5)
    adamw.build(model.trainable_variables)
    adamw.apply_gradients([(np.zeros(v.shape, "float32"), v) for v in model.trainable_variables])
    assert {v.name: float(np.mean(v.numpy())) for v in model.trainable_variables} == pytest.approx(
        {"kernel": 0.95, "bias": 1.0, "gamma": 1.0, "beta": 1.0}
    )


def test_gradients_are_scaled_down_to_the_norm():
    assert make_optimizer(0.1, 10, clip_norm=2.0).global_clipnorm == 2.0


def test_labels_are_smoothed_by_hand():
    np.testing.assert_allclose(smoothed(np.eye(4), 0.2, "classification")[0], [0.85, 0.05, 0.05, 0.05], rtol=1e-6)


def test_rare_classes_weigh_as_much_as_frequent_ones():
    y = np.array([0, 0, 0, 2])
    weights = balanced_sample_weights(y)
    np.testing.assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2], rtol=1e-6)


def kernels(model):
    return np.concatenate([w.numpy().ravel() for w in model.trainable_weights if len(w.shape) > 1])


def test_penalties_make_weights_smaller_and_are_gone_from_the_model(digits):
    small = {"arch": "mlp", "width": 8, "epochs": 3, "learning_rate": 0.01}
    plain, penal = (train(TrainConfig(**small, l2=l2), digits, Silent()).model for l2 in (0.0, 0.05))
    assert np.abs(kernels(penal)).mean() < 0.8 * np.abs(kernels(plain)).mean()
    assert not any(weight.regularizer for weight in penal.weights)


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 0.1, "augment": ("mixup", "crop")},
        {"decay": "plateau", "class_weights": True},
        {"mixed_precision": True, "decay": "cosine", "warmup": 0.2, "weight_decay": 0.01},
    ],
)
def test_options_train_reproducibly_and_leave_a_plain_float32_model(digits, options):
    config = TrainConfig(arch="mlp", width=32, epochs=3, learning_rate=0.01, dropout=0, **options)
    first, again = (train(config, digits, Silent()) for _ in range(2))
    assert first.result.history[-1]["val_accuracy"] > 0.4
    assert all(np.array_equal(a, b) for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True))
    assert {layer.compute_dtype for layer in first.model.layers} == {"float32"}
    assert first.model.get_compile_config()["optimizer"]["class_name"] == "Adam"


def test_a_resumed_run_with_augmentation_and_a_plateau_ends_as_an_undisturbed_one(tfopt, tmp_path, monkeypatch):
    import keras

    from tfopt.training.checkpoint import Checkpoint

    options = ("--arch", "mlp", "--width", 16, "--epochs", 6, "--augment", "crop,noise", "--decay", "plateau",
               "--learning-rate", 0.03, "--batch-size", 256)  # fmt: skip
    assert tfopt("train", *options, "-o", "whole.keras", "-q").code == 0
    ended = Checkpoint.on_epoch_end

    def interrupted(self, epoch, logs=None):
        ended(self, epoch, logs)
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "on_epoch_end", interrupted)
        assert tfopt("train", *options, "-o", "killed.keras", "-q").code == 130
    assert tfopt("train", *options, "-o", "killed.keras", "--resume", "-q").code == 0
    whole, killed = (keras.saving.load_model(tmp_path / f"{name}.keras").get_weights() for name in ("whole", "killed"))
    assert all(np.array_equal(a, b) for a, b in zip(whole, killed, strict=True))


def test_a_warm_up_of_nearly_all_steps_leaves_one_for_the_decay():
    assert float(make_learning_rate(0.1, 10, "cosine", warmup=10)(9)) == pytest.approx(0.1)


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_steps_relative_to_a_kernel_are_the_same_share_of_it_whatever_its_size(size):
    kernel, bias = keras.Variable(size * np.array([[3.0, -4.0]])), keras.Variable(np.zeros(2))
    adam = make_optimizer(0.01, 10, relative=True)
    adam.apply([np.array([[5.0, -1e-3]], "float32"), np.array([1.0, -1.0], "float32")], [kernel, bias])
    np.testing.assert_allclose(
        kernel.numpy() / size - [[3.0, -4.0]], np.array([[-0.01, 0.01]]) * np.sqrt(12.5), rtol=1e-2
    )
    np.testing.assert_allclose(bias.numpy(), [-0.01, 0.01], rtol=1e-3)


def test_the_statistics_of_a_normalization_are_of_the_last_epoch_even_where_it_has_few_steps():
    x = np.random.default_rng(0).normal(5, 1, (200, 3)).astype("float32")
    data = load_data((x, np.arange(200) % 2), DataConfig(scale="none"))
    normalization = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((3,)), normalization, keras.layers.Dense(2, activation="softmax")])
    fit(model, data, FitPlan(epochs=1, batch_size=6, learning_rate=1e-3, seed=0), Silent())
    assert normalization.moving_mean.numpy() == pytest.approx(5, rel=0.15)
    assert normalization.momentum == 0.99
