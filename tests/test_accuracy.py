import keras
import numpy as np
import pytest

import tfopt
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.statistics import accuracy, accuracy_change
from tfopt.tasks.classes import predicted_classes
from tfopt.tasks.losses import loss_of
from tfopt.tasks.registry import rules_of


def test_accuracy_carries_its_sample_count_and_wilson_interval():
    found = accuracy(np.array([True] * 9 + [False]))
    assert (found.correct, found.total, found.value) == (9, 10, 0.9)
    assert (found.low, found.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson 1927, z = 1.96


def test_mcnemar_is_exact_on_the_discordant_pairs():
    before = np.array([True] * 10 + [False] * 2 + [True] * 8)
    after = np.array([False] * 10 + [True] * 2 + [True] * 8)
    change = accuracy_change("a", before, after)
    assert (change.lost, change.won) == (10, 2)
    assert change.change == pytest.approx(-0.4)
    assert change.p_value == pytest.approx(0.03857, abs=1e-5)  # 2 * P(X <= 2), X ~ Bin(12, 1/2)
    assert change.verdict == "worse"


def test_a_difference_that_may_be_chance_is_not_called_one():
    before = np.array([True, True, True, False] * 5)
    after = np.array([True, True, False, False] + [True, True, True, False] * 4)
    assert accuracy_change("a", before, after).verdict == "no clear change"


@pytest.mark.parametrize(
    ("outputs", "probabilities", "classes"),
    [
        ([[0.1, 0.9], [0.8, 0.2]], True, [1, 0]),
        ([[0.4], [0.6]], True, [0, 1]),
        ([[-3.0], [0.2]], False, [0, 1]),
        ([[0.1], [0.4]], False, [1, 1]),
    ],
)
def test_classes_are_read_from_scores_probabilities_and_logits(outputs, probabilities, classes):
    assert predicted_classes(np.array(outputs), probabilities=probabilities).tolist() == classes


@pytest.mark.parametrize(
    ("activation", "loss", "probabilities"),
    [
        ("sigmoid", None, True),
        ("softmax", "mse", True),
        (None, None, False),
        (None, keras.losses.BinaryCrossentropy(from_logits=True), False),
        (None, keras.losses.BinaryCrossentropy(), True),
        (None, "binary_crossentropy", True),
        (None, "hinge", False),
        ("tanh", None, False),
    ],
)
def test_the_model_says_whether_it_gives_probabilities_whatever_the_values_of_a_batch(activation, loss, probabilities):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation=activation)])
    if loss:
        model.compile(loss=loss)
    assert tfopt.load(model).gives_probabilities() is probabilities


def _by_operation(x):
    return keras.ops.sigmoid(keras.layers.Dense(1)(x))


def _shaped(x):
    return keras.layers.Reshape((1,))(keras.layers.Dense(1, activation="sigmoid")(x))


def _nested(x):
    inner = keras.Input((2,))
    return keras.Model(inner, keras.layers.Dense(1, activation="sigmoid")(inner))(x)


def _logits_beside_shares(x):
    gate = keras.layers.Dense(1, activation="sigmoid")
    return keras.layers.Multiply()([keras.layers.Dense(1)(x), gate(x)])


@pytest.mark.parametrize(
    ("build", "probabilities"),
    [(_by_operation, True), (_shaped, True), (_nested, True), (_logits_beside_shares, False)],
)
def test_it_is_the_operation_before_the_output_that_says_so_wherever_it_stands(build, probabilities):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, build(inputs))
    assert tfopt.load(model).gives_probabilities() is probabilities
    assert loss_of(model, rules_of("classification")).get_config()["from_logits"] is not probabilities


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        pytest.param("sigmoid", None, marks=pytest.mark.slow),
        (None, None),
        pytest.param(None, "binary_crossentropy", marks=pytest.mark.slow),
    ],
)
def test_a_file_answers_as_the_model_that_it_is_made_from(activation, loss, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation=activation, name="a")])
    model.layers[0].set_weights([np.array([[1.0], [0.0]]), np.zeros(1)])
    if loss:
        model.compile(loss=loss)
    x = np.array([[0.2, 0.0], [0.6, 0.0]], np.float32)  # logits may look like probabilities
    judge = Evaluator((x,), np.array([1, 1]), rules_of("classification"), "a")
    expected = [loss is None, True]
    assert judge.score(model).tolist() == expected
    for precision in ("float16", "dynamic"):
        file = tfopt.quantize(model, tfopt.QuantizeConfig(precision=precision)).artifact
        assert judge.score(file).tolist() == expected
    assert judge.score(tfopt.load(file.save(tmp_path / "a.tflite"))).tolist() == expected
    (tmp_path / "b.tflite").write_bytes(file.model_bytes)  # from a stranger: its last operation tells
    assert tfopt.load(tmp_path / "b.tflite").gives_probabilities() is (activation is not None)
