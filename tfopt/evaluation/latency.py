"""Latency that means something on a busy machine: all candidates run in turns, and ratios are taken within a turn."""

import gc
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap, t

from tfopt.report.changes import LatencyChange
from tfopt.report.schema import Latency
from tfopt.runtime.progress import Advance
from tfopt.typing import Array

WARM_UP = 10
LEAST_ROUNDS, MOST_ROUNDS = 20, 300
SECONDS = 3.0
MOST_TIMINGS = 9  # of one pair of files, where a target has to be decided on
LEAST_DIFFERENCE = 0.05  # two copies of one model differ by less than this in most runs, though not by chance alone


def interleaved(runners: Sequence[Callable[[], object]], advance: Advance) -> Array:
    """Milliseconds (rounds, runners): each round runs all once, in random order, so that none always follows another.

    It stops after 300 rounds, or after 3 seconds for each runner if 20 rounds are done.
    """
    for runner in runners:
        for _ in range(WARM_UP):
            runner()
    order = np.random.default_rng(0)
    rounds: list[Array] = []
    collecting = gc.isenabled()
    gc.disable()
    try:
        deadline = time.perf_counter() + SECONDS * len(runners)
        while len(rounds) < MOST_ROUNDS and (len(rounds) < LEAST_ROUNDS or time.perf_counter() < deadline):
            times = np.zeros(len(runners))
            for which in order.permutation(len(runners)):
                start = time.perf_counter()
                runners[which]()
                times[which] = time.perf_counter() - start
            rounds.append(times)
            advance()
    finally:
        if collecting:
            gc.enable()
    return np.stack(rounds) * 1e3


class Ratio(NamedTuple):
    """A ratio of times with its 95 % interval, from so many timings; `decided` if that is on one side of the target."""

    value: float
    low: float
    high: float
    timings: int
    decided: bool


def ratio_against(target: float, time_both: Callable[[], tuple[Array, Array]]) -> Ratio:
    """Time again and again until the ratio after / before is told from `target`, at most 9 times.

    Timings of the same two files differ by more than the rounds within one show. One alone decides where its interval,
    widened by 5 %, is clear of the target; else the interval is Student's t of the logarithms of their medians.

    Args:
        target: The ratio to decide on.
        time_both: Gives the times (rounds,) before and after, paired.
    """
    logs: list[float] = []
    while True:
        change = latency_change("", *time_both())
        logs.append(float(np.log(change.ratio)))
        value = float(np.exp(np.mean(logs)))
        if len(logs) == 1:
            low, high = change.low * (1 - LEAST_DIFFERENCE), change.high * (1 + LEAST_DIFFERENCE)
        else:
            half = float(t.ppf(0.975, len(logs) - 1) * np.std(logs, ddof=1) / np.sqrt(len(logs)))
            low, high = value * np.exp(-half), value * np.exp(half)
        decided = not low <= target <= high
        if decided or len(logs) == MOST_TIMINGS:
            return Ratio(value, float(low), float(high), len(logs), decided)


def latency(milliseconds: Array, runtime: str) -> Latency:
    """Summarize the times (rounds,) of one runner."""
    median, p95 = np.percentile(milliseconds, [50, 95])
    return Latency(median_ms=float(median), p95_ms=float(p95), runs=len(milliseconds), runtime=runtime)


def latency_change(against: str, before: Array, after: Array) -> LatencyChange:
    """Ratio after / before of paired times (rounds,); claimed is a difference of 5 % whose interval excludes 1."""
    ratios = after / before
    interval = bootstrap((ratios,), np.median, n_resamples=1000, method="percentile", rng=0).confidence_interval
    low, high = float(interval.low), float(interval.high)
    ratio = float(np.median(ratios))
    clear = abs(ratio - 1) >= LEAST_DIFFERENCE and not low <= 1 <= high
    verdict = ("faster" if ratio < 1 else "slower") if clear else "no clear change"
    return LatencyChange(against=against, ratio=ratio, low=low, high=high, verdict=verdict)
