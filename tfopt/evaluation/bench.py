"""Benchmarks of `.tflite` files: all in turns in random order, so that a busy machine disturbs them alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfopt.errors import TfoptError
from tfopt.evaluation.delegation import not_delegated
from tfopt.evaluation.latency import MOST_ROUNDS, interleaved, latency_change
from tfopt.evaluation.memory import added_bytes
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.lifetimes import bytes_alive, lifetimes
from tfopt.formats.tflite.micro import arena_bytes
from tfopt.report.benchmarks import Benchmark, BenchReport
from tfopt.report.schema import package_versions
from tfopt.runtime.progress import Progress
from tfopt.typing import Array

QUIET = 0.1  # interquartile range of the times over their median below which a machine counts as quiet


def bench(paths: Sequence[Path], threads: Sequence[int], progress: Progress) -> BenchReport:
    """Run each file with each number of threads at batch 1 on random inputs; the first is what others are set against.

    Raises `InputError` if a file is no `.tflite` or LiteRT cannot run it.
    """
    runs = [(path, TfliteArtifact.load(path, threads=count), count) for count in threads for path in paths]
    runners = [artifact.runner(random_inputs(artifact)) for _, artifact, _ in runs]
    with progress.task("benchmarking", MOST_ROUNDS) as advance:
        times = interleaved(runners, advance)
    found = []
    with progress.task("measuring memory", len(runs)) as advance:
        for column, (path, artifact, count) in enumerate(runs):
            advance(1, path.name)
            found.append(_benchmark(path, artifact, count, times[:, column], progress))
    first = runs[0][0].name
    changes = [latency_change(first, times[:, 0], times[:, column]) for column in range(1, len(runs))]
    found = [found[0], *(b.model_copy(update={"change": c}) for b, c in zip(found[1:], changes, strict=True))]
    spread = max(float(np.subtract(*np.percentile(column, [75, 25])) / np.median(column)) for column in times.T)
    return BenchReport(benchmarks=found, spread=spread, quiet=spread < QUIET, versions=package_versions())


def _benchmark(path: Path, artifact: TfliteArtifact, threads: int, times: Array, progress: Progress) -> Benchmark:
    median, p95 = np.percentile(times, [50, 95])
    return Benchmark(
        name=path.name,
        threads=threads,
        file_bytes=len(artifact.payload),
        min_ms=float(times.min()),
        median_ms=float(median),
        p95_ms=float(p95),
        runs=len(times),
        per_second=1000 / float(median),
        added_bytes=added_bytes(path, threads),
        head_bytes=int(bytes_alive(lifetimes(artifact.payload)).max()),
        arena_bytes=_arena(artifact, progress),
        not_delegated=not_delegated(artifact.payload),
    )


def _arena(artifact: TfliteArtifact, progress: Progress) -> int | None:
    """Return what TensorFlow Lite Micro allocates; None where it does not run the file, or is not installed."""
    try:
        return arena_bytes(artifact.model_bytes, artifact.name, progress)
    except TfoptError:
        return None


def random_inputs(artifact: TfliteArtifact) -> list[Array]:
    """Return a sample of noise for each input, free sizes taken as 1."""
    rng = np.random.default_rng(0)
    inputs = []
    for shape, dtype in zip(artifact.input_shapes(), artifact.input_types(), strict=True):
        full = tuple(size or 1 for size in shape)
        inputs.append(rng.normal(size=full).astype(dtype) if dtype == "float32" else np.ones(full, dtype))
    return inputs
