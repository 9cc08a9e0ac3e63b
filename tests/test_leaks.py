"""What the test split says changes no artifact by a bit; what is calibrated on does; and a seed decides every bit."""

from dataclasses import replace

import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES
from tfopt.data.dataset import Split

SAMPLE = SAMPLES / "digits-cnn.keras"
MAKERS = {
    "train": lambda data: tfopt.train(tfopt.TrainConfig(arch="mlp", size="tiny", epochs=2), data),
    "train, augmented": lambda data: tfopt.train(
        tfopt.TrainConfig(arch="cnn", size="tiny", epochs=2, augment=("crop", "mixup")), data
    ),
    "tune": lambda data: tfopt.tune(tfopt.TuneConfig(arch="mlp", trials=2, epochs=2), data),
    "prune": lambda data: tfopt.prune(SAMPLE, tfopt.PruneConfig(sparsity=0.6, epochs=1), data),
    "prune by tfmot": lambda data: tfopt.prune(SAMPLE, tfopt.PruneConfig(engine="tfmot", epochs=1), data),
    "cluster": lambda data: tfopt.cluster(SAMPLE, tfopt.ClusterConfig(epochs=1), data),
    "binarize": lambda data: tfopt.binarize(SAMPLE, tfopt.BinarizeConfig(epochs=1), data),
    "binarize after training": lambda data: tfopt.binarize(SAMPLE, tfopt.BinarizeConfig(post_training=True), data),
    "distill": lambda data: tfopt.distill(SAMPLE, tfopt.DistillConfig(epochs=2), data),
    "qat": lambda data: tfopt.quantize(SAMPLE, tfopt.QatConfig(epochs=1), data),
    "int8": lambda data: tfopt.quantize(SAMPLE, tfopt.QuantizeConfig(precision="int8"), data),
    "int16": lambda data: tfopt.quantize(SAMPLE, tfopt.QuantizeConfig(precision="int16"), data),
    "int8 within a limit": lambda data: tfopt.quantize(
        SAMPLE, tfopt.QuantizeConfig(precision="int8", weights="int4", max_drop=0.002), data
    ),
    "dynamic": lambda data: tfopt.quantize(SAMPLE, tfopt.QuantizeConfig(precision="dynamic"), data),
    "convert": lambda data: tfopt.convert(SAMPLE, None, data),
}
NOW = {"train"}
CALIBRATED = ("int8", "int16")
cases = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name not in NOW else name for name in MAKERS]
)


def files(name, data):
    """The bytes of all artifacts that a command makes of `data`."""
    result = MAKERS[name](data)
    return [made.payload for made in (result.artifact, *result.companions)]


@cases
def test_no_bit_depends_on_the_labels_of_the_test_split_nor_on_chance(digits, name):
    poisoned = replace(digits, test=Split.of(digits.test.x, np.roll(digits.test.y, 1)))
    assert not np.array_equal(poisoned.test.y, digits.test.y)
    assert files(name, digits) == files(name, poisoned)


def test_a_file_in_which_test_labels_have_changed_gives_the_same_model(digits, tmp_path):
    path = tmp_path / "d.npz"
    config = tfopt.TrainConfig(arch="mlp", size="tiny", epochs=1)
    made = []
    for labels in (digits.test.y, np.roll(digits.test.y, 1)):
        np.savez(path, x_train=digits.train.x, y_train=digits.train.y, x_test=digits.test.x, y_test=labels)
        made.append(tfopt.train(config, str(path)).artifact.payload)
    assert made[0] == made[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_no_bit_depends_on_the_samples_of_the_test_split(digits, name):
    other = replace(digits, test=Split.of(1 - digits.test.x, digits.test.y))
    assert files(name, digits) == files(name, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALIBRATED)
def test_what_is_calibrated_on_decides(digits, name):
    darker = replace(digits, calibration=Split.of(digits.calibration.x * 0.5, digits.calibration.y))
    assert files(name, digits) != files(name, darker)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train", "train, augmented", "tune", "prune", "cluster", "binarize", "distill"])
def test_another_order_of_the_samples_gives_another_file(digits, name):
    shuffled = replace(digits, train=digits.train.rows(np.arange(len(digits.train))[::-1]))
    assert files(name, digits) != files(name, shuffled)
