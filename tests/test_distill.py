"""Distillation: its loss against figures made by hand, which layers learn from which, and what is in a student."""

import json
import zipfile
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from scipy.special import log_softmax, logit, softmax

import tfopt
from tests.conftest import SAMPLES, context
from tfopt.data.dataset import Split
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.loading import load_keras
from tfopt.models.config import ModelConfig
from tfopt.techniques.distillation.config import DistillConfig
from tfopt.techniques.distillation.distill import distill_student
from tfopt.techniques.distillation.distiller import Hint, StudentTraining, weighed
from tfopt.techniques.distillation.feature_pairs import features, observed, paired
from tfopt.techniques.distillation.losses import Softened, numbers

TEACHER, STUDENT = np.array([[2.0, 0.0, -1.0], [0.5, 1.0, 3.0]]), np.array([[1.0, 1.0, 0.0], [-2.0, 0.0, 2.0]])
TINY = ModelConfig(arch="cnn", width=2)


def distance(teacher, student, temperature):
    """T^2 KL of softened logits, from the definition."""
    p, q = softmax(teacher / temperature, axis=1), softmax(student / temperature, axis=1)
    return temperature**2 * np.mean(np.sum(p * np.log(p / q), axis=1))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_distance_of_logits_is_the_softened_divergence_times_the_square_of_the_temperature(temperature):
    loss = Softened(temperature, teacher_logits=True, student_logits=True)
    assert float(loss.compute_loss(TEACHER, STUDENT)) == pytest.approx(
        distance(TEACHER, STUDENT, temperature), rel=1e-4
    )


def test_a_distance_typed_by_hand():
    loss = Softened(2.0, teacher_logits=False, student_logits=False)
    # Square roots of 0.8 and 0.2 are 2 to 1, and both are alike for the student: 4 (2/3 log 4/3 + 1/3 log 2/3).
    assert float(loss.compute_loss(np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]]))) == pytest.approx(0.2265, abs=1e-4)


def test_probabilities_are_as_good_as_logits_even_those_that_are_zero():
    loss = Softened(4.0, teacher_logits=False, student_logits=True)
    of_probabilities = float(loss.compute_loss(softmax(TEACHER, axis=1), STUDENT))
    assert of_probabilities == pytest.approx(distance(TEACHER, STUDENT, 4.0), rel=1e-4)
    assert np.isfinite(float(loss.compute_loss(np.array([[1.0, 0.0, 0.0]]), STUDENT[:1])))


def test_one_output_is_the_score_of_one_class_of_two():
    loss = Softened(2.0, teacher_logits=False, student_logits=True)
    probability, score = np.array([[0.9]]), np.array([[-1.0]])
    two = distance(np.array([[0.0, logit(0.9)]]), np.array([[0.0, -1.0]]), 2.0)
    assert float(loss.compute_loss(probability, score)) == pytest.approx(two, rel=1e-4)


def test_numbers_are_as_far_apart_as_their_mean_square():
    assert float(numbers().compute_loss(np.array([[1.0, 2.0]]), np.array([[1.0, 5.0]]))) == pytest.approx(4.5)


def dense(weights):
    model = keras.Sequential([keras.Input((weights.shape[0],)), layers.Dense(weights.shape[1], use_bias=False)])
    model.set_weights([weights])
    return model


def test_alpha_weighs_labels_against_answers_as_the_distiller_of_keras_does():
    x, y = np.eye(3, dtype="float32"), np.array([0, 1, 0])
    teacher, student = dense(np.eye(3) * 2), dense(1 - np.eye(3))
    lesson = StudentTraining(student, teacher, Softened(3.0, teacher_logits=True, student_logits=True), 0.25)
    theirs = keras.distillation.Distiller(
        teacher,
        student,
        keras.distillation.LogitsDistillation(3.0, keras.losses.KLDivergence()),
        student_loss_weight=0.25,
    )
    found = []
    for model in (lesson, theirs):
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        found.append(float(model.compute_loss(x, y, model(x))))
    labels = -np.mean(log_softmax(1 - np.eye(3), axis=1)[np.arange(3), y])
    by_hand = 0.25 * labels + 0.75 * distance(np.eye(3) * 2, 1 - np.eye(3), 3.0)
    assert found == pytest.approx([by_hand, by_hand], rel=1e-4)
    assert float(lesson.compute_loss(x, y, lesson(x), training=False)) == pytest.approx(labels, rel=1e-4)


def test_penalties_of_weights_count_in_full_whatever_alpha_is():
    penalized = keras.Sequential([keras.Input((2,)), layers.Dense(2, kernel_regularizer=keras.regularizers.L2(1.0))])
    lesson = StudentTraining(penalized, keras.models.clone_model(penalized), numbers(), 0.5)
    lesson.teacher.set_weights(penalized.get_weights())
    lesson.compile(loss="mse")
    x = np.ones((1, 2), "float32")
    y = np.asarray(penalized(x))
    power = np.sum(penalized.get_weights()[0] ** 2)
    assert float(lesson.compute_loss(x, y, lesson(x))) == pytest.approx(power, rel=1e-5)


def network(width, *, stride=1):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(width, 3, stride, padding="same", activation="relu", name="first")(inputs)
    x = layers.Dropout(0.5)(layers.BatchNormalization(name="norm")(x))
    x = layers.MaxPooling2D(name="half")(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def test_layers_that_give_maps_of_one_size_are_paired_and_the_others_are_named():
    pairs, alone = paired(features(network(6), "t"), features(network(4, stride=2), "s"))
    assert [(p.teacher.name, p.student.name, p.projected) for p in pairs] == [
        ("half", "norm", True),
        ("mean", "mean", True),
    ]
    assert str(pairs[0]) == "norm (4x4, 4 channels) learns from half (4x4, 6 channels) through a projection"
    assert alone == [
        "norm (8x8, 6 channels) of the teacher has no partner: no layer of the student gives maps of that size",
        "half (2x2, 4 channels) of the student has no partner: no layer of the teacher gives maps of that size",
    ]


def test_layers_with_the_same_channels_need_no_projection_and_alike_ones_have_no_distance():
    student = network(4)
    teacher = keras.models.clone_model(student)
    teacher.set_weights(student.get_weights())
    pairs, alone = paired(features(teacher, "t"), features(student, "s"))
    assert ([pair.projected for pair in pairs], alone) == ([False] * 3, [])
    x = np.random.default_rng(0).random((5, 8, 8, 1), "float32")
    hints = weighed(pairs, teacher, [x])
    lesson = StudentTraining(student, teacher, Softened(1.0, teacher_logits=False, student_logits=False), 0.0, hints)
    lesson.compile(loss="sparse_categorical_crossentropy")
    y = np.zeros(5, "int64")
    assert float(lesson.compute_loss(x, y, lesson(x, training=False))) == pytest.approx(0, abs=1e-6)
    # The weights make the distance to a student that gives nothing a third for each of three pairs.
    _, *maps = observed(teacher, [x], [pair.teacher.name for pair in pairs], training=False)
    shares = [hint.weight * np.mean(np.square(given)) for hint, given in zip(hints, maps, strict=True)]
    assert shares == pytest.approx([1 / 3] * 3, rel=1e-4)


def test_layers_in_nested_models_are_paired_too():
    body = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(3, 3, padding="same", name="deep")], name="body")
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(2)(layers.Flatten()(body(inputs)))
    pairs, _ = paired(features(keras.Model(inputs, outputs), "t"), features(network(2), "s"))
    assert [pair.teacher.name for pair in pairs] == ["body/deep"]


def test_validation_teaches_nothing_not_even_normalizations(digits):
    student, teacher = network(2), network(3)
    pairs, _ = paired(features(teacher, "t"), features(student, "s"))
    loss = Softened(4.0, teacher_logits=False, student_logits=False)
    lesson = StudentTraining(student, teacher, loss, 0.1, [Hint(pair, 1.0) for pair in pairs])
    lesson.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    before = [w.numpy().copy() for w in lesson.weights]
    x, y = digits.validation.x[:64], digits.validation.y[:64]
    found = lesson.evaluate(x, y, verbose=0, return_dict=True)
    assert all(np.array_equal(w, now.numpy()) for w, now in zip(before, lesson.weights, strict=True))
    student.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    assert found == pytest.approx(student.evaluate(x, y, verbose=0, return_dict=True), rel=1e-5)


@pytest.fixture(scope="module")
def taught(digits):
    """The sample CNN, its weights before, and a student that was taught its layers as well, twice."""
    teacher = load_keras(SAMPLES / "digits-cnn.keras")
    before = [w.copy() for w in teacher.model.get_weights()]
    config = DistillConfig(student=TINY, epochs=2, learning_rate=0.01, features=True)
    return teacher, before, config, [distill_student(teacher, None, config, context(digits)) for _ in "ab"]


def test_the_teacher_stays_as_it_was_and_does_not_go_with_the_student(taught, tmp_path):
    teacher, before, _, (made, _) = taught
    assert teacher.model.trainable
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.model.get_weights(), strict=True))
    assert [layer.name for layer in made.artifact.model.layers] == [layer.name for layer in teacher.model.layers]
    path = tfopt.load(made.artifact.model).save(tmp_path / "student.keras")
    stored = []
    with zipfile.ZipFile(path) as archive, h5py.File(archive.open("model.weights.h5")) as file:
        file["layers"].visititems(lambda _, node: stored.append(getattr(node, "size", 0)))
    assert sum(stored) == made.artifact.model.count_params() < 500 < teacher.model.count_params()


def test_same_seed_same_student(taught):
    _, _, _, (one, other) = taught
    assert one.history == other.history
    assert all(
        np.array_equal(a, b)
        for a, b in zip(one.artifact.model.get_weights(), other.artifact.model.get_weights(), strict=True)
    )


def test_the_epoch_is_selected_by_the_labels_of_the_validation_split(taught, digits):
    _, _, _, (made, _) = taught
    losses = [epoch["val_loss"] for epoch in made.history]
    found = made.artifact.model.evaluate(digits.validation.x, digits.validation.y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(min(losses), rel=1e-4)
    assert made.history[-1]["loss"] > 2 * made.history[-1]["val_loss"]  # that of the answers is another one


def test_pairs_are_in_the_report(taught):
    notes = taught[3][0].notes
    assert "conv1b_relu (8x8, 2 channels) learns from conv1b_relu (8x8, 16 channels) through a projection" in notes


def test_a_student_with_no_weight_on_labels_still_learns_to_classify(digits):
    teacher = load_keras(SAMPLES / "digits-cnn.keras")
    config = DistillConfig(student=ModelConfig(arch="mlp", width=32), alpha=0.0, epochs=8, learning_rate=3e-3)
    blind = replace(digits, train=Split(digits.train.inputs, np.zeros_like(digits.train.y)))
    made = distill_student(teacher, None, config, context(blind))
    assert (made.artifact.model.predict(digits.test.x, verbose=0).argmax(1) == digits.test.y).mean() > 0.7


def test_a_command_teaches_a_copy_of_a_student_from_a_file(tfopt, sample, tmp_path):
    small = network(2)
    small.save(tmp_path / "small.keras")
    before = (tmp_path / "small.keras").read_bytes(), sample.read_bytes()
    ended = tfopt("distill", sample, "--student", "small.keras", "--epochs", 2, "--temperature", 2, "--json")
    assert ended.code == 0, ended.err
    assert ((tmp_path / "small.keras").read_bytes(), sample.read_bytes()) == before
    names = ["sample.keras", "small.keras", "sample-distilled.keras"]
    assert [m["name"] for m in ended.report["measurements"]] == names
    assert [c["accuracy"]["against"] for c in ended.report["comparisons"]] == names[:1] * 2
    assert "0.9 the distance from its answers at temperature 2" in ended.report["notes"][0]
    remembered = load_keras(tmp_path / "sample-distilled.keras").provenance
    assert remembered.data.source == "digits"
    assert remembered.history[-1].command == "distill"
    assert json.loads((tmp_path / "sample-distilled.keras.report.json").read_text()) == ended.report


def regression(digits):
    """Two numbers for each image: the means of its halves."""

    def halves(split):
        return Split(split.inputs, np.stack([split.x[:, :4].mean((1, 2, 3)), split.x[:, 4:].mean((1, 2, 3))], axis=1))

    return replace(digits, task="regression", num_classes=0, **{name: halves(split) for name, split in digits.splits()})


def numbers_model(units):
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(2)(layers.Dense(units, activation="relu")(layers.Flatten()(inputs))))


def test_a_student_of_numbers_learns_those_of_its_teacher(digits):
    teacher, student = numbers_model(8), load_keras(numbers_model(4))
    data = regression(digits)
    config = DistillConfig(alpha=0.0, epochs=6, learning_rate=0.01)
    made = distill_student(load_keras(teacher), student, config, context(data))
    answers = teacher.predict(data.test.x, verbose=0)

    def error(model):
        return np.mean((model.predict(data.test.x, verbose=0) - answers) ** 2)

    assert error(made.artifact.model) < 0.3 * error(student.model)
    with pytest.raises(InputError, match="`temperature` 2 softens the probabilities of a classifier"):
        distill_student(load_keras(teacher), student, config.model_copy(update={"temperature": 2.0}), context(data))


def test_without_data_there_is_nothing_to_teach():
    with pytest.raises(InputError, match="does not say which data"):
        distill_student(load_keras(numbers_model(8)), None, DistillConfig(), context())


def test_features_need_layers_of_one_size(digits):
    flat = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    with pytest.raises(UnsupportedError, match="leave out `features`"):
        distill_student(
            load_keras(SAMPLES / "digits-cnn.keras"), load_keras(flat), DistillConfig(features=True), context(digits)
        )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--student", "huge.keras"), "huge.keras does not exist"),
        (("--student", "cnn:huge"), "--student cnn:huge is neither a model file nor an architecture"),
        (("--student", "cnm"), "as in cnn:tiny"),
        (("--student", "five.keras"), "five.keras has outputs of shape (5,), but its teacher sample.keras (10,)"),
        (("--alpha", 1.5), "--alpha 1.5 is more than the whole; did you mean 1.5%?"),
        (("--temperature", 0), "--temperature 0.0 is out of range"),
        (("-o", "sample.keras"), "is the input itself"),
    ],
)
def test_bad_input_is_one_sentence(tfopt, sample, tmp_path, arguments, words):
    keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(5)]).save(tmp_path / "five.keras")
    ended = tfopt("distill", sample, *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended.err
    assert words in ended.err
