import time

import numpy as np
import pytest

from tfopt.evaluation.latency import interleaved, latency, latency_change, ratio_against

pytestmark = pytest.mark.usefixtures("timed")


def _busy(seconds):
    def work():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass

    return work


def test_runs_are_interleaved_and_a_slower_function_is_called_slower():
    times = interleaved([_busy(0.0005), _busy(0.001)], lambda: None)
    change = latency_change("a", times[:, 0], times[:, 1])
    assert len(times) >= 20
    assert change.verdict == "slower"
    assert change.low <= change.ratio <= change.high
    assert 1.5 < change.ratio < 2.5


def test_each_round_runs_every_function_once():
    calls = []
    times = interleaved([lambda: calls.append("a"), lambda: calls.append("b")], lambda: None)
    timed = calls[20:]  # after ten warm-up runs of each
    assert len(timed) == 2 * len(times)
    assert all({first, second} == {"a", "b"} for first, second in zip(timed[::2], timed[1::2], strict=True))


def test_a_difference_under_five_percent_is_not_called_faster():
    before = np.full(100, 1.0)
    assert latency_change("a", before, before * 0.97).verdict == "no clear change"
    assert latency_change("a", before, before * 0.9).verdict == "faster"


def test_latency_states_median_and_p95_over_its_runs():
    found = latency(np.arange(1.0, 102.0), "LiteRT, 1 thread")
    assert (found.median_ms, found.p95_ms, found.runs) == (51.0, 96.0, 101)


def _sessions(ratio, spread, seed):
    """Timings of which each is off by a factor of its own, as those of one file against its copy are."""
    rng = np.random.default_rng(seed)

    def time_both():
        off = rng.normal(0, spread)
        return np.ones(100), ratio * np.exp(off + rng.normal(0, 0.02, 100))

    return time_both


def test_a_target_is_decided_by_as_many_timings_as_it_takes():
    far = ratio_against(0.5, _sessions(0.9, 0.03, 0))
    assert (far.timings, far.decided, far.low > 0.5) == (1, True, True)
    near = [ratio_against(0.75, _sessions(0.78, 0.03, seed)) for seed in range(200)]
    assert np.mean([found.timings for found in near]) > 2
    assert np.mean([found.value > 0.75 for found in near]) > 0.96  # one timing alone is often wrong
    alone = [latency_change("a", *_sessions(0.78, 0.03, seed)()).ratio > 0.75 for seed in range(200)]
    assert np.mean(alone) < 0.93


def test_what_stays_undecided_is_said_and_ends():
    found = [ratio_against(0.8, _sessions(0.8, 0.03, seed)) for seed in range(60)]
    assert max(one.timings for one in found) == 9
    assert np.mean([one.decided for one in found]) < 0.35
    assert all(one.timings == 9 for one in found if not one.decided)
