"""A limit on what answers may lose: points or a growing error, as it is found or at the worse end of its interval."""

import numpy as np
import pytest

import tfopt
from tests.conftest import SAMPLES
from tfopt.errors import ConfigError, InputError
from tfopt.evaluation.limits import COLLAPSE_GROWTH, COLLAPSE_POINTS, Limit, limit_for
from tfopt.evaluation.statistics import worsening
from tfopt.report.gate_lines import gate_line

EQUAL = np.ones(216, bool)
MODELS = [SAMPLES / "digits-cnn.keras", SAMPLES / "digits-mlp.keras"]


def limit(confidence=None, **most):
    return limit_for(
        tfopt.Gates(confidence=confidence, **most), "classification" if "max_drop" in most else "regression"
    )


def test_equal_answers_pass_a_limit_of_one_point_but_216_of_them_do_not_prove_it():
    found = worsening(EQUAL, EQUAL)
    assert limit(max_drop=0.01).result("a", found, "validation").passed
    held = limit(0.95, max_drop=0.01).result("a", found, "validation")
    assert (held.passed, held.found, held.at_worst) == (False, 0.0, True)
    assert held.high == pytest.approx(0.0175, abs=1e-4)
    assert limit(0.95, max_drop=0.02).holds(found)


def test_the_line_of_a_limit_says_the_interval_and_which_end_counts():
    found = worsening(EQUAL, EQUAL)
    plain = gate_line(limit(max_drop=0.01).result("a", found, "validation"))
    assert plain == (
        "pass: a: --max-drop 1.00 points on the validation split, found 0.00 points (95 % interval -1.75 to 1.75)"
    )
    sure = gate_line(limit(0.9, max_drop=0.01).result("a", worsening(EQUAL, EQUAL, None, 0.9), "test"))
    assert sure == (
        "FAIL: a: --max-drop 1.00 points at the worse end, found 0.00 points"
        " (90 % interval -1.24 to 1.24, wide for so few samples; more test data would narrow it)"
    )


def test_an_error_grows_by_a_share_and_is_never_told_in_points():
    before = np.linspace(1, 2, 50)
    held = limit(max_error_growth="5%").result("a", worsening(before, before * 1.1), "test")
    assert gate_line(held).startswith("FAIL: a: --max-error-growth 5.00 % more error, found 10.00 % more error (95 % ")
    assert "points" not in gate_line(held)


def test_a_limit_on_errors_of_one_window_says_that_there_is_no_interval_and_its_worse_end_does_not_hold():
    before, one = np.linspace(1, 2, 50), np.zeros(50, int)
    found = worsening(before, before * 1.01, one)
    plain, sure = (limit(sure, max_error_growth="5%").result("a", found, "test") for sure in (None, 0.95))
    assert (plain.passed, sure.passed, sure.low, sure.high) == (True, False, None, None)
    assert gate_line(plain).endswith("found 1.00 % more error (too few independent samples for an interval)")
    assert gate_line(sure).endswith("(too few independent samples for an interval, so that its worse end is not known)")


@pytest.mark.parametrize(
    ("gates", "task", "other"),
    [({"max_drop": 0.1}, "forecasting", "max_error_growth"), ({"max_error_growth": 0.1}, "translation", "max_drop")],
)
def test_a_limit_of_the_other_kind_is_refused_and_the_right_one_named(gates, task, other):
    with pytest.raises(InputError, match=other):
        limit_for(tfopt.Gates(**gates), task)


def test_points_and_errors_have_usual_limits_of_their_own():
    asked = tfopt.QuantizeConfig()
    assert limit_for(asked, "classification") == Limit("max-drop", COLLAPSE_POINTS)
    assert limit_for(asked, "regression") == Limit("max-error-growth", COLLAPSE_GROWTH)
    assert limit_for(asked, None) is None


def test_a_confidence_without_a_limit_is_refused():
    with pytest.raises(ConfigError, match="`confidence` is that of a limit"):
        tfopt.Gates(confidence=0.95, max_size=9)
    with pytest.raises(ConfigError, match="the error to double; did you mean 1%"):
        tfopt.Gates(max_error_growth="1")


def test_a_limit_without_data_is_refused_before_the_work(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="`max_drop` needs data"):
        tfopt.quantize(model, tfopt.QuantizeConfig(precision="dynamic", max_drop=0.01))


def test_compare_holds_the_worse_end_of_the_interval_to_the_limit(tfopt):
    command = ["compare", MODELS[0], MODELS[0], MODELS[1], "--max-drop", "90%", "--json"]
    plain = tfopt(*command)
    assert plain.code == 0
    [equal, other] = plain.report["gates"]
    assert (equal["found"], equal["level"], equal["at_worst"]) == (0, 0.95, False)
    assert equal["low"] == pytest.approx(-equal["high"])
    assert other["low"] < other["found"] < other["high"]
    command[5] = f"{other['found'] + 0.001:.4f}"
    assert tfopt(*command).code == 0
    assert tfopt(*command, "--confidence", "95%").code == 1


@pytest.mark.slow
def test_quantize_spares_layers_until_the_worse_end_holds(digits):
    config = tfopt.QuantizeConfig(precision="weights", weights="int4", max_drop=0.05, confidence=0.95)
    report = tfopt.quantize(MODELS[0], config, digits).report
    [gate] = report.gates
    assert gate.at_worst
    assert gate.passed == (gate.high <= 0.05)
