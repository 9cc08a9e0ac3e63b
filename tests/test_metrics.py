"""Metrics are those of scikit-learn, their intervals hold what they say, and they decide where they are asked for."""

import numpy as np
import pytest
from sklearn import metrics as sklearn
from sklearn.preprocessing import label_binarize

import tfopt
from tests.conftest import SAMPLES
from tfopt.errors import ConfigError, InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.metrics.class_counts import class_table
from tfopt.evaluation.metrics.metric import draws
from tfopt.evaluation.metrics.named import KNOWN, find_metric
from tfopt.tasks.registry import rules_of

RNG = np.random.default_rng(0)
Y = RNG.choice(4, 90, p=[0.5, 0.3, 0.15, 0.05])
SHARES = RNG.dirichlet(np.ones(4), 90) * 0.7 + 0.3 * np.eye(4)[Y]
SAID = SHARES.argmax(axis=1)
NUMBERS = RNG.normal(size=(90, 2))
GUESSES = NUMBERS + RNG.normal(size=(90, 2)) / 2
AREAS = RNG.integers(3, size=(12, 5, 6))
AREA_SHARES = RNG.dirichlet(np.ones(3), (12, 5, 6)) + 0.5 * np.eye(3)[AREAS]
LABELS = RNG.integers(2, size=(60, 3))
LABEL_SHARES = np.clip(RNG.random((60, 3)) * 0.7 + 0.3 * LABELS, 0, 1)
ONE_HOT = label_binarize(Y, classes=range(4))
ALL = {
    "accuracy": (Y, SHARES, sklearn.accuracy_score(Y, SAID)),
    "balanced-accuracy": (Y, SHARES, sklearn.balanced_accuracy_score(Y, SAID)),
    "macro-f1": (Y, SHARES, sklearn.f1_score(Y, SAID, average="macro")),
    "roc-auc": (Y, SHARES, sklearn.roc_auc_score(Y, SHARES / SHARES.sum(1, keepdims=True), multi_class="ovr")),
    "average-precision": (Y, SHARES, sklearn.average_precision_score(ONE_HOT, SHARES)),
    "mean-iou": (
        AREAS, AREA_SHARES, sklearn.jaccard_score(AREAS.ravel(), AREA_SHARES.argmax(-1).ravel(), average="macro"),
    ),
    "mae": (NUMBERS, GUESSES, sklearn.mean_absolute_error(NUMBERS, GUESSES)),
    "rmse": (NUMBERS, GUESSES, np.sqrt(sklearn.mean_squared_error(NUMBERS, GUESSES))),
    "r2": (NUMBERS, GUESSES, sklearn.r2_score(NUMBERS, GUESSES)),
}  # fmt: skip
SEVERAL = [(name, LABELS, LABEL_SHARES) for name in ("macro-f1", "roc-auc", "average-precision")]


def judged(name, y, answers, clusters=None):
    return KNOWN[name].judge(y, answers, clusters, "the test split")


@pytest.mark.parametrize("name", ALL)
def test_a_metric_is_that_of_scikit_learn(name):
    y, answers, wanted = ALL[name]
    assert judged(name, y, answers).value == pytest.approx(wanted)
    assert set(ALL) == set(KNOWN)


@pytest.mark.parametrize(
    ("name", "y", "answers"), [*((name, y, answers) for name, (y, answers, _) in ALL.items()), *SEVERAL]
)
def test_the_figure_of_a_draw_is_that_of_the_samples_it_repeats(name, y, answers):
    answers = np.round(answers, 1)  # so that there are ties
    times = np.concatenate(list(draws(len(y), None, 4)))
    found = judged(name, y, answers).drawn[:4]
    for one, count in zip(found, times, strict=True):
        rows = np.repeat(np.arange(len(y)), count)
        assert one == pytest.approx(KNOWN[name].function(y[rows], answers[rows]))


def test_two_models_are_compared_on_the_same_draws_of_whole_clusters():
    clusters = np.repeat(np.arange(30), 3)
    one, same = (judged("macro-f1", Y, SHARES, clusters) for _ in range(2))
    assert np.array_equal(one.drawn, same.drawn)
    assert one.change("a", same).verdict == "unchanged"
    assert one.worsening(same).high > 0.05  # of so few, even equal answers do not show that nothing is lost
    [times] = draws(90, clusters, 50)
    assert (times.reshape(50, 30, 3) == times.reshape(50, 30, 3)[:, :, :1]).all()


def test_the_interval_of_macro_f1_covers_the_true_figure_as_often_as_it_says():
    rng, covered, count = np.random.default_rng(3), 0, 80
    y = rng.integers(3, size=200_000)
    scores = rng.normal(size=(200_000, 3)) + 1.2 * np.eye(3)[y]
    true = judged("macro-f1", y, scores).value
    for _ in range(count):
        rows = rng.integers(200_000, size=150)
        figure = judged("macro-f1", y[rows], scores[rows]).figure()
        covered += figure.low <= true <= figure.high
    assert 0.88 <= covered / count <= 0.99


def test_an_error_grows_and_a_share_drops():
    worse = NUMBERS + 2 * (GUESSES - NUMBERS)
    found = judged("rmse", NUMBERS, GUESSES).change("a", judged("rmse", NUMBERS, worse))
    assert (found.verdict, found.change) == ("worse", pytest.approx(1.0))
    found = judged("r2", NUMBERS, GUESSES).change("a", judged("r2", NUMBERS, worse))
    assert found.verdict == "worse"
    assert found.low <= found.change <= found.high < 0


def test_answers_that_are_not_finite_are_wrong_or_as_bad_as_can_be():
    broken = SHARES.copy()
    broken[:45] = np.nan
    assert judged("rmse", NUMBERS, GUESSES * np.inf).value == np.inf
    found = sklearn.f1_score(Y, np.where(np.arange(90) < 45, -1, SAID), labels=range(4), average="macro")
    assert judged("macro-f1", Y, broken).value == pytest.approx(found)
    assert judged("roc-auc", Y, broken).value < judged("roc-auc", Y, SHARES).value


def test_the_table_of_classes_is_that_of_scikit_learn():
    found = class_table(Y, SHARES, ("a", "b", "c", "d"))
    wanted = sklearn.precision_recall_fscore_support(Y, SAID)
    figures = [(one.precision, one.recall, one.f1, one.support) for one in found.classes]
    np.testing.assert_allclose(np.array(figures).T, wanted)
    assert found.confusion == sklearn.confusion_matrix(Y, SAID).tolist()
    assert [one.name for one in found.classes] == list("abcd")
    areas = class_table(AREAS, AREA_SHARES, None, areas=True)
    wanted = sklearn.jaccard_score(AREAS.ravel(), AREA_SHARES.argmax(-1).ravel(), average=None)
    np.testing.assert_allclose([one.iou for one in areas.classes], wanted)


@pytest.mark.parametrize(
    ("name", "task", "told"),
    [
        ("rmse", "classification", "does not suit classification: for that there are accuracy, balanced-accuracy"),
        ("macro-f2", "classification", "did you mean macro-f1"),
        ("keras:TopKCategoricalAcuracy", "classification", "did you mean TopKCategoricalAccuracy"),
        ("MeanIoU", "classification", "needs arguments"),
        ("Sum", "regression", "nobody knows whether more of it is better"),
        ("no_such_module:function", "regression", "cannot be imported"),
    ],
)
def test_a_metric_that_cannot_be_had_is_refused_in_one_sentence(name, task, told):
    with pytest.raises(InputError, match=told):
        find_metric(name, rules_of(task))


def test_a_metric_that_is_not_defined_for_the_samples_says_why():
    with pytest.raises(InputError, match="roc-auc is not defined on the test split: it needs samples of each class"):
        judged("roc-auc", np.zeros(20, int), SHARES[:20, :2])
    with pytest.raises(InputError, match="does not vary"):
        judged("r2", np.ones((20, 1)), GUESSES[:20, :1])


def test_the_metric_that_counts_anyway_is_none_to_ask_for():
    assert find_metric("accuracy", rules_of("classification")) is None
    assert find_metric("mae", rules_of("forecasting")) is None


def test_metrics_of_keras_and_functions_know_their_direction(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_metrics.py").write_text("def cost(y, answers):\n    return abs(y - answers).max()\n")
    rules = rules_of("regression")
    log = find_metric("MeanSquaredLogarithmicError", rules)
    positive, other = np.abs(NUMBERS), np.abs(GUESSES)
    assert not log.higher_is_better
    wanted = sklearn.mean_squared_log_error(positive, other)
    assert log.judge(positive, other, None, "test").value == pytest.approx(wanted, rel=1e-4)
    assert find_metric("my_metrics:cost", rules).higher_is_better
    cost = find_metric("my_metrics:cost:lower", rules)
    assert not cost.higher_is_better
    found = cost.judge(NUMBERS, GUESSES, None, "test")
    assert found.value == pytest.approx(abs(NUMBERS - GUESSES).max())
    assert len(found.drawn) == 200


def test_a_recipe_cannot_name_code_as_its_metric(tmp_path):
    recipe = tmp_path / "small.yaml"
    recipe.write_text("steps:\n  - technique: quantize\n    config: {metric: 'os:system'}\n")
    with pytest.raises(InputError, match=r"small.yaml.*3.*code to import, which a recipe cannot name"):
        tfopt.Recipe.read(recipe)
    recipe.write_text("steps:\n  - technique: quantize\ngates: {metric: macro_f1}\n")
    assert tfopt.Recipe.read(recipe).gates.metric == "macro-f1"
    with pytest.raises(ConfigError, match="is no name of a metric"):
        tfopt.Gates(metric="rm -rf /")


def rare():
    """A set of two classes, the second of them rare, and a model that tells them apart and one that does not."""
    import keras

    rng = np.random.default_rng(1)
    y = (np.arange(300) % 25 == 0).astype(np.int64)
    x = np.stack([y * 2.0 - 1, rng.normal(size=300)], axis=1).astype(np.float32)
    models = []
    for name, weight in (("good", 4.0), ("lazy", 0.0)):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, activation="softmax")], name=name)
        model.layers[0].set_weights([np.array([[-weight, weight], [0, 0]]), np.array([0.5, -0.5])])
        models.append(model)
    return models, {"x_train": x, "y_train": y, "x_test": x, "y_test": y}


def test_a_limit_on_macro_f1_fails_where_accuracy_passes():
    models, data = rare()
    [plain] = tfopt.compare(models, data, tfopt.Gates(max_drop="10%")).gates
    assert plain.passed  # the rare class is 4 % of all samples
    report = tfopt.compare(models, data, tfopt.Gates(max_drop="10%", metric="macro-f1"))
    [gate] = report.gates
    assert (gate.passed, gate.metric) == (False, "macro-f1")
    assert gate.low <= gate.found <= gate.high
    assert report.comparisons[0].metric.verdict == "worse"
    assert [one.recall for one in report.measurements[1].classes.classes] == [1.0, 0.0]


def test_an_evaluator_with_a_metric_chooses_by_it():
    models, data = rare()
    from tfopt.core.provenance import load_dataset
    from tfopt.runtime.progress import Silent

    plain = Evaluator.on(load_dataset(data, None, Silent()), "validation")
    by = plain.by("macro-f1")
    before, after = map(plain.judge, models)
    assert plain.drop(before, after) < 0.06
    before, after = map(by.judge, models)
    assert by.drop(before, after) > 0.4
    assert by.described(before) == "a macro-f1 of 1"
    assert by.worsening(before, after).high > 0.4


def test_quantize_is_held_to_the_metric_on_the_validation_split(digits):
    config = tfopt.QuantizeConfig(precision="dynamic", metric="balanced-accuracy", max_drop="2%")
    report = tfopt.quantize(SAMPLES / "digits-mlp.keras", config, digits).report
    [gate] = report.gates
    assert (gate.metric, gate.split, gate.passed) == ("balanced-accuracy", "validation", True)
    assert report.measurements[-1].metric.name == "balanced-accuracy"


def test_evaluate_shows_the_metric_and_the_classes(tfopt):
    ended = tfopt("evaluate", SAMPLES / "digits-mlp.keras", "--metric", "macro_f1")
    assert ended.code == 0
    assert "test metric" in ended.out
    assert "macro-f1 0.9" in ended.out
    assert "precision" in ended.out
    ended = tfopt("evaluate", SAMPLES / "digits-mlp.keras", "--metric", "auc")
    assert ended.code == 2
    assert ended.err.startswith("error: --metric auc is not known")


@pytest.mark.parametrize(("better", "epoch"), [("", 2), (":lower", 3)])
def test_a_metric_chooses_the_epoch_and_not_the_validation_loss(better, epoch, digits, monkeypatch):
    import keras

    from tests import metrics_of_epochs
    from tfopt.runtime.progress import Silent
    from tfopt.training.fit import fit
    from tfopt.training.plan import FitPlan

    monkeypatch.setattr(metrics_of_epochs, "figures", iter([0.3, 0.9, 0.1, 0.5]))
    inputs = keras.Input(digits.train.x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))
    plan = FitPlan(
        epochs=4, batch_size=64, learning_rate=1e-3, seed=0, metric=f"tests.metrics_of_epochs:figure{better}"
    )
    found = fit(model, digits, plan, Silent())
    assert found.best_epoch + 1 == epoch
    losses = [logs["val_loss"] for logs in found.history]
    assert losses.index(min(losses)) == 3


@pytest.mark.parametrize("reverses", [False, True])
def test_accuracy_chooses_the_epoch_with_most_right_answers_of_the_model_that_answers(reverses, digits):
    import keras

    from tfopt.runtime.progress import Silent
    from tfopt.training.fit import fit
    from tfopt.training.plan import FitPlan

    keras.utils.set_random_seed(0)
    inputs = keras.Input(digits.train.x.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))

    class Answering(keras.Model):
        def call(self, x):
            return -model(x) if reverses else model(x)

    plan = FitPlan(epochs=3, batch_size=64, learning_rate=3e-3, seed=0, metric="accuracy")
    found = fit(model, digits, plan, Silent(), answering=Answering())
    right = [logs["val_accuracy"] for logs in found.history]
    assert right[2] > right[0] + 0.1
    assert found.best_epoch == (0 if reverses else right.index(max(right)))
    assert plan.chosen_by == ", chosen by accuracy"
