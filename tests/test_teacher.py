"""Fine-tuning with a teacher: targets by hand, and each technique that listens to what it is told."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import softmax

from tests.conftest import context
from tfopt.data.dataset import Split
from tfopt.errors import InputError
from tfopt.formats.loading import load_keras
from tfopt.graph.model_copy import rebuild
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import plan
from tfopt.techniques.binarization.training import train_rounded
from tfopt.techniques.clustering.cluster import cluster_weights
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.pruning.prune import prune_weights
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.qat import quantize_aware
from tfopt.techniques.structured.channel_pruning import prune_channels
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.training.teacher import Teacher, answering, blended_targets, load_teacher

ANSWERS = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 1.0]])


@pytest.fixture
def two(digits):
    """The data with two training samples, of the classes 0 and 2."""
    return replace(digits, train=Split(digits.train.rows(slice(2)).inputs, np.array([0, 2])))


def one_hot(y):
    return np.eye(3)[y]


def test_targets_are_labels_and_answers_by_their_weights(two):
    found = blended_targets(Teacher(lambda _: np.array([[0.8, 0.2, 0.0], [0.0, 0.4, 0.6]]), 0.25), two, one_hot)
    np.testing.assert_allclose(found, [[0.95, 0.05, 0.0], [0.0, 0.1, 0.9]], rtol=1e-6)


def test_answers_that_are_logits_become_probabilities(two):
    found = blended_targets(Teacher(lambda _: ANSWERS, 1.0, logits=True), two, one_hot)
    np.testing.assert_allclose(found, softmax(ANSWERS, axis=1), rtol=1e-6)
    single = blended_targets(
        Teacher(lambda _: np.array([[0.0], [np.log(3)]]), 1.0, logits=True), two, lambda y: y[:, None]
    )
    np.testing.assert_allclose(single, [[0.5], [0.75]], rtol=1e-6)


def test_a_teacher_is_asked_about_augmented_samples_as_the_student_sees_them(two):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(3)(inputs))

    def twice(inputs, y, key):
        return [2 * inputs[0]], y

    teacher = Teacher(lambda _: ANSWERS, 0.25, logits=True, model=model)
    x, y = np.ones((2, 4), np.float32), np.eye(3, dtype=np.float32)[:2]
    [seen], targets = answering(teacher, twice)([x], y, None)
    np.testing.assert_array_equal(seen, 2 * x)
    expected = 0.75 * y + 0.25 * softmax(model.predict(2 * x, verbose=0), axis=1)
    np.testing.assert_allclose(targets, expected, rtol=1e-5)


def test_training_with_augmentation_asks_the_teacher(sample, digits, monkeypatch):
    asked = []
    monkeypatch.setattr(Teacher, "predict", property(lambda self: asked.append("clean")), raising=False)
    config = StructuredConfig(epochs=1, teacher="self", augment=("crop",))
    artifact = load_keras(sample)
    assert prune_channels(artifact, config, context(digits)).history
    assert not asked


def small():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, 2, activation="relu", name="a")(inputs)
    x = layers.Dense(16, activation="relu", name="b")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="c")(x))


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A model that answers 3 to everything, in a file, as one who would teach nonsense."""
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    model.set_weights([np.zeros((64, 10)), 9.0 * np.eye(10)[3]])
    path = tmp_path_factory.mktemp("teacher") / "three.keras"
    model.save(path)
    return path


def binarized(artifact, config, given):
    model = rebuild(artifact.model, artifact.name)
    return train_rounded(artifact, plan(model, config, artifact.name), config, given.data, given.progress)


def taught_model(made):
    """The Keras model that came out: of QAT the companion of the file, of binarization one that is in no file yet."""
    if not hasattr(made, "artifact"):
        return made.model
    return made.artifact.model if made.artifact.format == "keras" else made.companions[0].model


TECHNIQUES = {
    "prune": (prune_weights, PruneConfig, {"schedule": "constant"}),
    "tfmot": (prune_weights, PruneConfig, {"schedule": "constant", "engine": "tfmot"}),
    "cluster": (cluster_weights, ClusterConfig, {"clusters": 4}),
    "qat": (quantize_aware, QatConfig, {}),
    "binarize": (binarized, BinarizeConfig, {}),
}


SLOW = {"qat", "tfmot"}  # what is like them is tested each time
MARKED = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TECHNIQUES]


@pytest.mark.parametrize("technique", MARKED)
def test_every_technique_learns_what_its_teacher_answers(technique, three, digits):
    artifact = load_keras(small())
    change, config, options = TECHNIQUES[technique]
    asked = config(epochs=1, learning_rate=0.03, teacher=three, teacher_weight=1.0, **options)
    made = change(artifact, asked, context(digits))
    assert (taught_model(made).predict(digits.test.x, verbose=0).argmax(axis=1) == 3).mean() > 0.95
    assert "fine-tuned with three.keras as teacher, whose answers are 100% of what was learnt" in made.notes


def test_a_teacher_without_weight_changes_nothing_and_none_is_not_named(digits):
    artifact = load_keras(small())
    alone, unheard = (
        prune_weights(artifact, PruneConfig(epochs=1, **how), context(digits))
        for how in ({}, {"teacher": "self", "teacher_weight": 0.0})
    )
    for a, b in zip(alone.artifact.model.get_weights(), unheard.artifact.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert not any("teacher" in note for note in alone.notes)


def test_a_model_teaches_itself_by_half_and_so_does_one_that_is_binarized(digits):
    artifact = load_keras(small())
    found = load_teacher(PruneConfig(teacher="self"), artifact, digits)
    assert (found.name, found.weight, found.logits) == (artifact.name, 0.5, False)
    assert load_teacher(BinarizeConfig(), artifact, digits).weight == 0.5
    assert load_teacher(ClusterConfig(), artifact, digits) is None


def test_a_teacher_with_logits_can_teach_a_model_with_probabilities(digits):
    inputs = keras.Input((8, 8, 1))
    found = load_teacher(
        QatConfig(teacher="self"), load_keras(keras.Model(inputs, layers.Dense(10)(layers.Flatten()(inputs)))), digits
    )
    assert found.logits


def test_a_model_with_any_loss_of_keras_hears_a_teacher_if_there_are_data(digits):
    model = small()
    model.compile(loss="poisson")
    assert load_teacher(PruneConfig(teacher="self"), load_keras(model), digits)
    with pytest.raises(InputError, match="give `data`"):
        load_teacher(PruneConfig(teacher="self"), load_keras(model), None)


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        (PruneConfig, {"teacher_weight": 0.5}, "`teacher_weight` 0.5 needs `teacher`"),
        (PruneConfig, {"teacher": "self", "schedule": "one-shot"}, "one-shot does not train: leave out `teacher`"),
        (BinarizeConfig, {"teacher": "t.keras", "post_training": True}, "leave out `teacher`"),
    ],
)
def test_options_that_contradict_each_other(config, options, words):
    with pytest.raises(InputError, match=words):
        config(**options)


@pytest.mark.parametrize("command", [("prune",), ("cluster",), ("quantize", "--qat"), ("binarize",)])
def test_a_teacher_that_does_not_fit_is_one_sentence(tfopt, sample, tmp_path, command):
    name, *flags = command
    keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(5)]).save(tmp_path / "five.keras")
    for teacher, words in (
        ("five.keras", "sample.keras has outputs of shape (10,), but its teacher five.keras (5,): they must be"),
        ("absent.keras", "absent.keras does not exist"),
    ):
        ended = tfopt(name, sample, *flags, "--teacher", teacher)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended.err
        assert words in ended.err


def test_a_teacher_needs_training(tfopt, sample):
    assert "--teacher needs --qat" in tfopt("quantize", sample, "--teacher", "self").err
