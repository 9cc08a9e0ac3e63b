import pytest

from tfopt.techniques.pruning.masks import sparsity_at


def test_cubic_schedule_follows_equation_1_of_zhu_and_gupta():
    values = [sparsity_at(step, final=0.8, ramp=4, schedule="cubic") for step in range(6)]
    assert values == pytest.approx([0.0, 0.8 * (1 - 27 / 64), 0.7, 0.8 * (1 - 1 / 64), 0.8, 0.8])


def test_cubic_schedule_starts_at_the_initial_sparsity():
    assert sparsity_at(0, final=0.9, ramp=10, schedule="cubic", initial=0.5) == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", ["constant", "one-shot"])
def test_other_schedules_are_at_the_final_sparsity_at_once(schedule):
    assert sparsity_at(0, final=0.6, ramp=100, schedule=schedule) == 0.6


def test_cubic_schedule_is_that_of_tensorflow_model_optimization():
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_schedule

    theirs = pruning_schedule.PolynomialDecay(0.0, 0.8, begin_step=0, end_step=50, power=3, frequency=1)
    for step in (0, 1, 10, 25, 49, 50):
        assert sparsity_at(step, final=0.8, ramp=50, schedule="cubic") == pytest.approx(
            float(theirs(step)[1]), abs=1e-6
        )
