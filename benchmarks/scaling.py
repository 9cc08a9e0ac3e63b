"""Samples per second on one device, on replicas and by workers, in one run; and what to expect of more workers.

Every contestant is a process of its own, because the devices of a process are fixed. All live at the same time and
train in turns, so that a busy moment of the machine hits all alike; ratios are medians of paired ones.

What two workers need for a step is then predicted from one worker on its share of the processor and from bare
all-reduces, with the model in `allreduce_costs.py`, and compared with the measured step. The last
tables apply that model to workers and links that are not here. It leaves out that communication overlaps with
computing, workers that are slower than others, what several links of one machine or switch share, and the input of
data.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from allreduce_costs import Compute, Link, all_reduce_seconds, efficiency, speedup, step_seconds
from rich.console import Console
from rich.table import Table
from scaling_process import EPOCHS

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.distribution.workers.addresses import free_ports
from tfopt.training.batches import steps_per_epoch

ROUNDS = 6  # the first is for warming up
BATCHES = {"small": 64, "base": 256}  # global, by the size of the cnn
SHARE = max(1, (os.cpu_count() or 1) // 2)  # threads for each of two workers, as `--workers 2` gives them
WORKERS = (1, 2, 4, 8, 16, 32, 64)
GIGABITS = (1, 10, 25, 100)
# A worker with a GPU: what its step takes and the latency of a message are assumed, as for NCCL in one data centre.
RESNET50 = {"bytes": 4 * 25_557_032, "messages": 53 * 5 + 1 + 4, "each": 64, "seconds": 0.2, "latency": 20e-6}
PLAIN, OURS, SHARED, HALF, REPLICAS, TOGETHER = (
    "plain model.fit", "tfopt, 1 replica", "tfopt, 1 replica on the threads of a worker", "the same, half the batch",
    "tfopt, 2 replicas", "tfopt, 2 workers",
)  # fmt: skip


class Contestant:
    """Processes that train together."""

    def __init__(self, *jobs: dict[str, Any], gpu: bool = False) -> None:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        environment |= {} if gpu else {"CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, str(Path(__file__).with_name("scaling_process.py"))]
        self.processes = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                env=environment,
            )
            for _ in jobs
        ]  # fmt: skip
        for process, job in zip(self.processes, jobs, strict=True):
            self._say(process, json.dumps(job))

    def turn(self) -> dict[str, float]:
        for process in self.processes:
            self._say(process, "go")
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """The next line of the first, when all have said one."""
        lines = [process.stdout.readline() for process in self.processes]
        return json.loads(lines[0])

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    @staticmethod
    def _say(process: subprocess.Popen, line: str) -> None:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def main() -> None:
    console = Console(width=120)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    for size, batch in BATCHES.items():
        times, link = _measured(size, batch, gpu)
        _throughput(console, size, batch, times)
        compute, here = _checked(console, batch, times, link)
        _simulated(console, f"cnn of size {size}", compute, batch // 2, 4 * link["parameters"], link["messages"], here)
    seconds, each = RESNET50["seconds"], RESNET50["each"]
    assumed = Compute(0.0, seconds / each)
    _simulated(
        console, f"ResNet50, {seconds * 1e3:g} ms for {each} samples", assumed, each, RESNET50["bytes"],
        RESNET50["messages"], RESNET50["latency"],
    )  # fmt: skip


def _contestants(size: str, batch: int, gpu: bool) -> dict[str, Contestant]:
    job = {"how": "tfopt", "size": size, "batch": batch, "turns": ROUNDS, "threads": None, "replicas": 1}
    addresses = free_ports(2)
    pair = [{"how": "worker", "threads": SHARE, "rank": rank, "addresses": addresses} for rank in range(2)]
    made = {
        PLAIN: Contestant(job | {"how": "plain"}),
        OURS: Contestant(job),
        SHARED: Contestant(job | {"threads": SHARE}),
        HALF: Contestant(job | {"threads": SHARE, "batch": batch // 2}),
        REPLICAS: Contestant(job | {"replicas": 2}),
        TOGETHER: Contestant(*(job | own for own in pair)),
    }
    if gpu:
        made["plain model.fit on a GPU"] = Contestant(job | {"how": "plain"}, gpu=True)
        made["tfopt on a GPU"] = Contestant(job, gpu=True)
    return made


def _measured(size: str, batch: int, gpu: bool) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """Seconds of every turn by contestant, and what a worker says of its link."""
    contestants = _contestants(size, batch, gpu)
    try:
        link = contestants[TOGETHER].hear()
        told: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
        for number in range(ROUNDS):
            names = list(contestants)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                told[name].append(contestants[name].turn())
        link |= contestants[TOGETHER].hear()
    finally:
        for contestant in contestants.values():
            contestant.end()
    return {
        name: {key: np.array([turn[key] for turn in turns[1:]]) for key in turns[0]} for name, turns in told.items()
    }, link


def _throughput(console: Console, size: str, batch: int, times: dict[str, dict[str, np.ndarray]]) -> None:
    samples = EPOCHS * len(load(DataConfig()).train)
    title = f"cnn of size {size}, digits, global batch {batch}; whole epochs, {os.cpu_count()} cores"
    table = Table("", "samples per second", "times plain model.fit", "quartiles", box=None, title=title)
    for name, taken in times.items():
        if name == HALF:
            continue
        base = times[PLAIN]["all"]
        low, median, high = np.percentile(base / taken["all"], [25, 50, 75])
        table.add_row(name, f"{samples / np.median(taken['all']):,.0f}", f"{median:.2f}", f"{low:.2f} to {high:.2f}")
    console.print(table)


def _checked(
    console: Console, batch: int, times: dict[str, dict[str, np.ndarray]], link: dict[str, Any]
) -> tuple[Compute, float]:
    """Predict the step of two workers; return what the prediction is from."""
    samples = len(load(DataConfig()).train)

    def seconds(name: str, size: int) -> float:
        return float(np.median(times[name]["training"])) / (EPOCHS * steps_per_epoch(samples, size))

    compute = Compute.through((batch // 2, batch), (seconds(HALF, batch // 2), seconds(SHARED, batch)))
    here = Link.through(link["sizes"], link["seconds"], workers=2)
    size, messages = 4 * link["parameters"], link["messages"]
    predicted, measured = step_seconds(compute, batch, size, 2, here, messages), seconds(TOGETHER, batch)
    bare, expected = link["gradients"], all_reduce_seconds(size, 2, here)
    rows = {
        "a step of 1 worker, whole batch": f"{1e3 * compute.seconds(batch):.2f} ms",
        "a step of 1 worker, half the batch": f"{1e3 * compute.seconds(batch / 2):.2f} ms",
        "link": f"{1e6 * here.latency:.0f} us, {here.bandwidth / 1e6:.0f} MB/s",
        f"all-reduce of {size / 1e3:,.0f} kB": _against(expected, bare),
        f"a step of 2 workers, {messages} all-reduces": _against(predicted, measured),
    }
    table = Table("", "", box=None, show_header=False, title="the model of costs: predicted against measured")
    for name, cell in rows.items():
        table.add_row(name, cell)
    console.print(table)
    return compute, here.latency


def _against(predicted: float, measured: float) -> str:
    return f"{1e3 * predicted:.2f} ms against {1e3 * measured:.2f} ms ({(predicted - measured) / measured:+.0%})"


def _simulated(
    console: Console, name: str, compute: Compute, each: int, size: int, messages: int, latency: float
) -> None:
    """Print steps and efficiency with `each` samples for each worker, and how much faster a batch is that stays."""
    title = (
        f"{name}, {size / 1e6:.2g} MB of gradients in {messages} messages of {1e6 * latency:.0f} us, simulated:"
        f" step with {each} samples for each worker (efficiency); speed with {each} for all"
    )
    table = Table("workers", *(f"{speed} Gb/s" for speed in GIGABITS), box=None, title=title)
    for workers in WORKERS:
        cells = []
        for speed in GIGABITS:
            link = Link(latency, speed * 1e9 / 8)
            seconds = step_seconds(compute, each * workers, size, workers, link, messages)
            share = efficiency(compute, each, size, workers, link, messages)
            faster = speedup(compute, each, size, workers, link, messages)
            cells.append(f"{1e3 * seconds:,.1f} ms ({share:.0%}); {faster:.2f}x")
        table.add_row(str(workers), *cells)
    console.print(table)


if __name__ == "__main__":
    main()
