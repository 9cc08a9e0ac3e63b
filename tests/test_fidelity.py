"""Without labels, reports say how alike a file and its original answer, and a limit holds them to it."""

import keras
import numpy as np
import pytest

import tfopt
from tfopt.errors import InputError
from tfopt.evaluation.fidelity import fidelity_of


def classifier(activation="softmax", seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(8), keras.layers.Dense(3, activation=activation)])


def test_agreement_divergence_and_error_are_those_computed_by_hand():
    before = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5], [0.9, 0.1]])
    after = before[:, ::-1].copy()
    after[2:] = before[2:]
    found = fidelity_of("a", before, after, "noise", classes=True)
    assert (found.agreement, found.samples) == (0.5, 4)
    assert found.low < 0.5 < found.high
    divergence = (0.6 * np.log(0.8 / 0.2) + 0.2 * np.log(0.6 / 0.4)) / 4
    assert found.divergence == pytest.approx(divergence)
    assert found.relative_error == pytest.approx(np.sqrt(((after - before) ** 2).mean() / (before**2).mean()))
    numbers = fidelity_of("a", before, after, "noise", classes=False)
    assert (numbers.agreement, numbers.divergence) == (None, None)


def test_answers_that_are_not_finite_agree_with_nothing():
    before = np.array([[0.8, 0.2], [0.4, 0.6]])
    found = fidelity_of("a", before, np.full((2, 2), np.nan), "noise", classes=True)
    assert (found.agreement, found.relative_error) == (0.0, np.inf)


def test_without_data_models_are_compared_on_seeded_noise_and_held_to_an_agreement():
    models = [classifier(), classifier(), classifier(seed=1)]
    report = tfopt.compare(models, None, tfopt.Gates(min_agreement="99%"))
    same, other = report.comparisons
    assert (same.fidelity.agreement, same.fidelity.relative_error) == (1.0, 0.0)
    assert other.fidelity.agreement < 0.99
    assert [gate.passed for gate in report.gates] == [True, False]
    assert any("256 samples of noise from 0 to 1 (seeded)" in note for note in report.notes)


def test_one_sigmoid_and_remembered_logits_have_classes_to_agree_on_and_several_sigmoids_have_none():
    single = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, activation="sigmoid")])
    flipped = keras.models.clone_model(single)
    flipped.set_weights([-w for w in single.get_weights()])
    same, other = tfopt.compare([single, single, flipped]).comparisons
    assert (same.fidelity.agreement, other.fidelity.agreement) == (1.0, 0.0)
    tags = [classifier("sigmoid"), classifier("sigmoid")]
    assert tfopt.compare(tags).comparisons[0].fidelity.agreement is None


def heads(names, seed=0):
    """A model with two outputs, of three and of two numbers, the second far smaller than the first."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((6,))
    first, second = (keras.layers.Dense(size, name=name)(x) for size, name in zip((3, 2), names, strict=True))
    return keras.Model(x, {names[0]: first, names[1]: second})


def test_several_outputs_are_compared_by_name_and_the_worst_of_them_is_told():
    original, changed = heads("ab"), heads("ab")
    kernel, bias = changed.get_layer("b").get_weights()
    changed.get_layer("b").set_weights([kernel * 1.5, bias])
    report = tfopt.compare([original, changed])
    assert report.comparisons[0].fidelity.relative_error == pytest.approx(0.5, rel=1e-5)
    assert any("the output with the largest one" in note for note in report.notes)


def test_what_is_not_compared_is_said_with_the_reason():
    report = tfopt.compare([heads("ab"), heads("ac")])
    assert report.comparisons[0].fidelity is None
    assert any("outputs are called a, c, and there a, b" in note for note in report.notes)
    texts = keras.Sequential([keras.Input((6,), dtype="int32"), keras.layers.Embedding(5, 2), keras.layers.Flatten()])
    report = tfopt.compare([texts, texts])
    assert report.comparisons[0].fidelity is None
    assert any("noise is no input of a model that takes texts" in note for note in report.notes)


def test_numbers_have_no_agreement_to_hold_to():
    models = [classifier(None), classifier(None)]
    assert tfopt.compare(models).comparisons[0].fidelity.relative_error == 0
    with pytest.raises(InputError, match="`min_agreement` is of classes"):
        tfopt.compare(models, None, tfopt.Gates(min_agreement=0.9))


@pytest.mark.slow
def test_a_file_that_was_calibrated_on_samples_is_compared_on_them(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32))
    report = tfopt.quantize(classifier(), tfopt.QuantizeConfig(calibration=tmp_path / "x.npy")).report
    assert report.comparisons[-1].fidelity.samples == 40
    assert report.comparisons[-1].fidelity.agreement > 0.8
    assert any("40 samples of the calibration samples" in note for note in report.notes)
