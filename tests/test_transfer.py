from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.series import Series, make_forecast_dataset
from tfopt.errors import UnsupportedError
from tfopt.models.architectures import build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.runtime.process_state import fresh_keras_names
from tfopt.runtime.progress import Silent
from tfopt.training.config import TrainConfig
from tfopt.training.head_replacement import with_new_head
from tfopt.training.train import train
from tfopt.training.transfer import frozen_layers


@pytest.fixture
def halved(digits):
    """Digits 0 to 4, few samples."""

    def some(split, most):
        rows = np.flatnonzero(split.y < 5)[:most]
        return split.rows(rows)

    small = {name: some(split, 60) for name, split in digits.splits()}
    return replace(digits, num_classes=5, **small)


def test_only_the_new_head_changes_in_the_first_part_and_the_trunk_is_trainable_afterwards(sample, halved):
    base = keras.saving.load_model(sample)
    before = {layer.name: layer.get_weights() for layer in base.layers}
    config = TrainConfig(base="sample.keras", epochs=2, fine_tune=0)
    trained = train(config, halved, Silent(), base=lambda: base)
    assert trained.model.output_shape == (None, 5)
    for layer in trained.model.layers:
        if layer.name in before and layer.name != "classes":
            assert all(np.array_equal(a, b) for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
    assert len(trained.model.trainable_weights) == len(base.trainable_weights)
    assert "frozen" in trained.notes[0]


def test_the_second_part_changes_kernels_but_no_moving_statistics(sample, halved):
    base = keras.saving.load_model(sample)
    norm, conv = base.get_layer("conv1a_norm"), base.get_layer("conv1a")
    mean, kernel = norm.moving_mean.numpy(), conv.kernel.numpy()
    trained = train(TrainConfig(base="sample.keras", epochs=3, fine_tune=3), halved, Silent(), base=lambda: base)
    if "then everything" in trained.notes[-1]:
        assert not np.array_equal(kernel, conv.kernel.numpy())
    else:
        assert "frozen weights are kept" in trained.notes[-1]
    assert np.array_equal(mean, norm.moving_mean.numpy())


def test_freeze_takes_all_a_number_or_a_pattern():
    trunk = [(name, layers.Dense(1)) for name in ("conv1", "conv2", "dense")]
    every = [layer for _, layer in trunk]
    assert frozen_layers(trunk, "all") == set(every)
    assert frozen_layers(trunk, "2") == set(every[:2])
    assert frozen_layers(trunk, "^conv") == set(every[:2])
    for wrong in ("[", "pool"):
        with pytest.raises(Exception, match=r"`freeze` \S+ (is neither|matches no)"):
            frozen_layers(trunk, wrong)


def test_a_model_without_a_dense_end_is_pooled_and_one_with_two_inputs_is_refused(digits):
    signature = Signature.of(digits)
    conv = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3)])
    assert with_new_head(conv, signature, "conv").output_shape == (None, 10)
    two = [keras.Input((3,)), keras.Input((3,))]
    both = keras.Model(two, layers.Dense(2)(layers.Add()(two)))
    with pytest.raises(UnsupportedError, match="one input and one output; both has 2 and 1"):
        with_new_head(both, signature, "both")


def test_samples_of_another_shape_are_one_sentence(tfopt, sample, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 9, 9)), np.arange(40) % 2
    np.savez(tmp_path / "other.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    ended = tfopt("train", "--from", sample, "--data", "other.npz")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "takes samples of shape (8, 8, 1)" in ended.err


@pytest.mark.slow
def test_an_application_is_a_trunk_for_small_grey_images(digits):
    few = replace(digits, **{name: split.rows(slice(40)) for name, split in digits.splits()})
    config = TrainConfig(base="keras.applications:MobileNetV3Small", base_weights="none", epochs=1)
    trained = train(config, few, Silent())
    assert trained.model.input_shape == (None, 8, 8, 1)
    assert trained.model.output_shape == (None, 10)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "keras.applications:MobilNetV2"), "did you mean MobileNetV2?"),
        (("--freeze", "3"), "about the model that --from names"),
        (("--from", "x.keras", "--arch", "cnn"), "leave out --arch"),
        (("--from", "x.keras"), "does not exist"),
        (("--augment", "flop"), "flop is not known"),
        (("--decay", "plateau", "--warmup", "0.1"), "leave out --warmup"),
        (("--from", "keras.applications:MobileNetV2", "--from-weights", "x.h5"), "does not hold the weights"),
    ],
)
def test_bad_options_are_one_sentence(tfopt, options, sentence):
    ended = tfopt("train", *options)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert sentence in ended.err


@pytest.mark.parametrize("target", [None, "b"])
def test_a_forecaster_hands_on_what_its_hidden_layers_say_and_not_its_linear_part(target, tmp_path):
    series = Series(np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32), ("a", "b"))
    data = make_forecast_dataset(series, DataConfig(window=12, horizon=3, target=target), Preprocessor())
    signature = Signature.of(data)
    with fresh_keras_names():
        build(ModelConfig(size="tiny"), signature).save(tmp_path / "m.keras")
    with fresh_keras_names():
        made = with_new_head(keras.saving.load_model(tmp_path / "m.keras"), signature, "m.keras")
    assert [layer.name for layer in made.layers if layer.weights] == ["hidden1", "numbers"]
    assert made.output_shape[1:] == signature.outputs


def test_a_new_head_has_names_that_the_model_before_it_has_not(digits):
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, name="classes"), layers.ReLU(name="features")])
    made = with_new_head(base, Signature.of(digits), "base")
    assert [layer.name for layer in made.layers if layer.weights] == ["classes", "classes_2"]


def test_translations_are_learnt_anew_and_a_new_head_of_them_is_refused():
    with pytest.raises(UnsupportedError, match="numbers has texts to translate: leave it out, and a new model learns"):
        train(TrainConfig(base="sample.keras"), load(DataConfig(source="numbers")), Silent(), base=lambda: None)
