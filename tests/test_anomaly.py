"""Anomalies: what is learnt from normal samples, how well they are told apart, and what decides about a file."""

import json

import numpy as np
import pytest

import tfopt
from tfopt.data.config import DataConfig
from tfopt.errors import InputError
from tfopt.tasks.anomaly import Anomaly

RNG = np.random.default_rng(0)
MIXED = RNG.normal(size=(3, 12))
NORMAL = (RNG.normal(size=(600, 3)) @ MIXED + 0.1 * RNG.normal(size=(600, 12))).astype(np.float32)
STRANGE = RNG.normal(0, 1.5, (100, 12)).astype(np.float32)
ARRAYS = {
    "x_train": NORMAL[:500],
    "x_test": np.concatenate([NORMAL[500:], STRANGE]),
    "y_test": np.repeat([0, 1], 100),
}
TASK = DataConfig(task="anomaly")


@pytest.fixture(scope="module")
def data():
    return tfopt.load_data(ARRAYS, TASK)


@pytest.fixture(scope="module")
def trained(data):
    config = tfopt.TrainConfig(arch="mlp", size="tiny", width=32, epochs=60, learning_rate=0.01)
    return tfopt.train(config, data)


def test_only_errors_of_normal_samples_are_scores_and_all_are_ranked():
    y = np.array([[0, 1.0, 2.0], [1, 0.0, 0.0]])
    outputs = np.array([[1.0, 4.0], [3.0, np.nan]])
    assert Anomaly((2,)).scores(outputs, y).tolist() == [1.0]
    labels, errors = Anomaly((2,)).ranked(outputs, y)
    assert (labels.tolist(), errors.tolist()) == ([0, 1], [1.0, np.inf])
    assert Anomaly((2,)).usual_metric(y) == "roc-auc"
    assert Anomaly((2,)).usual_metric(y[:1]) is None


def test_anomalies_of_the_train_arrays_are_never_trained_on():
    y_train = (np.arange(500) % 50 == 0).astype(int)
    found = tfopt.load_data({**ARRAYS, "y_train": y_train}, TASK)
    for name, split in found.splits():
        assert split.y[:, 0].sum() == {"validation": 10, "test": 100}.get(name, 0)
    assert any("10 anomalies of x_train are in the validation split" in note for note in found.notes)
    with pytest.raises(InputError, match="has no y_test"):
        tfopt.load_data({"x_train": NORMAL, "x_test": NORMAL}, TASK)
    with pytest.raises(InputError, match="no normal sample"):
        tfopt.load_data({**ARRAYS, "y_test": np.ones(200)}, TASK)
    with pytest.raises(InputError, match="y_test must be 0 for each normal sample"):
        tfopt.load_data({**ARRAYS, "y_test": np.arange(200)}, TASK)


def test_an_autoencoder_has_a_bottleneck_and_tells_anomalies_from_normal_samples(trained):
    [one] = trained.report.measurements
    assert trained.artifact.model.get_layer("bottleneck").units == 4
    assert one.deviation.samples == 100
    assert one.deviation.low < one.deviation.mae < trained.report.data.baseline.value
    assert (one.metric.name, one.metric.samples) == ("roc-auc", 200)
    assert one.metric.low > 0.9


@pytest.mark.parametrize("limit", [{"max_drop": "2%"}, {"max_error_growth": "50%"}])
def test_points_of_auc_or_the_error_of_normal_samples_are_limited(limit, trained, data):
    report = tfopt.compare([trained.artifact, trained.artifact], data, tfopt.Gates(**limit))
    [gate] = report.gates
    assert (gate.passed, gate.metric) == (True, "roc-auc" if "max_drop" in limit else None)
    assert report.comparisons[0].metric.verdict == "unchanged"


@pytest.mark.slow
def test_a_file_is_held_to_what_the_validation_split_can_tell(trained, data):
    [gate] = tfopt.quantize(trained.artifact, tfopt.QuantizeConfig(), data).report.gates
    assert gate.gate == "max-error-growth"
    with pytest.raises(InputError, match="roc-auc is not defined on the validation split"):
        tfopt.quantize(trained.artifact, tfopt.QuantizeConfig(max_drop="1%"), data)
    pruned = tfopt.prune(trained.artifact, tfopt.PruneConfig(sparsity=0.3, epochs=2), data)
    assert pruned.report.comparisons[0].metric is not None


def test_predict_says_the_error_and_whether_it_is_above_the_threshold(trained, tfopt, tmp_path):
    trained.artifact.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.concatenate([NORMAL[500:503], STRANGE[:3]]))
    ended = tfopt("predict", "model.keras", "--file", "x.npy", "--json")
    found = json.loads(ended.out)
    assert [one["answer"] for one in found["predictions"]] == ["normal"] * 3 + ["anomalous"] * 3
    assert "1 % of normal validation samples" in found["notes"][0]


def test_images_are_given_back_as_images_and_other_architectures_are_refused():
    images = {"x_train": NORMAL[:300].reshape(-1, 3, 4), "x_test": NORMAL[300:320].reshape(-1, 3, 4)}
    images["y_test"] = np.arange(20) % 2
    built = tfopt.build(tfopt.BuildConfig(), tfopt.load_data(images, TASK))
    assert built.artifact.model.output_shape == (None, 3, 4)
    with pytest.raises(InputError, match="has no bottleneck"):
        tfopt.build(tfopt.BuildConfig(arch="cnn"), tfopt.load_data(images, TASK))
