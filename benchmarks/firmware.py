"""From nets of one's own to C++ projects for a device of 64 kB of flash and 32 kB of RAM, as a user does it.

    python benchmarks/firmware.py

Two nets are trained by Keras alone: one of Conv1D that tells movements by an accelerometer, and one of Conv2D that
tells which way bars in an image lie. Each then lies with its data in a folder that has nothing else, where two commands
are run and timed. What they write is compiled with all warnings against the API of TensorFlow Lite Micro, as the tests
know it, and run. Exit 1 if a command fails, both take more than two minutes, or a file is missing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

from tfopt.typing import Array, Json

STUB = Path(__file__).parents[1] / "tests" / "tflm_stub"
MOST_SECONDS = 120
WARNINGS = ("-Wall", "-Wextra", "-Werror")
COMMANDS = (
    "quantize net.keras --int8 --io int8 --for tflm --data data.npz --scale none --emit c -o firmware.tflite",
    "check firmware.tflite --target tflm --flash 64kB --ram 32kB",
)
WRITTEN = ("firmware.tflite", *(f"firmware{end}" for end in (".c", ".h", ".resolver.h", ".main.cc", ".cmake")))


def movements(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Return windows (N, 128, 3) of an accelerometer, and which of 4 frequencies each swings with."""
    y = rng.integers(0, 4, count)
    steps = np.arange(128) / 50
    phase = rng.uniform(0, 2 * np.pi, (count, 1, 3))
    swing = np.sin(2 * np.pi * (1 + 2 * y)[:, None, None] * steps[None, :, None] + phase)
    return (swing * rng.uniform(0.3, 1, (count, 1, 3)) + rng.normal(0, 0.5, swing.shape)).astype("float32"), y


def bars(rng: np.random.Generator, count: int) -> tuple[Array, Array]:
    """Return images (N, 32, 32, 1) of bars, and which of 4 ways they lie."""
    y = rng.integers(0, 4, count)
    across, down = np.meshgrid(np.arange(32), np.arange(32))
    angle = (y * np.pi / 4)[:, None, None]
    waves = np.sin(0.8 * (across * np.cos(angle) + down * np.sin(angle)) + rng.uniform(0, 6, (count, 1, 1)))
    return (waves + rng.normal(0, 0.7, waves.shape)).astype("float32")[..., None], y


def sensor_net() -> keras.Model:
    """Return a net of Conv1D."""
    return keras.Sequential(
        [
            keras.Input((128, 3)),
            layers.Conv1D(16, 7, strides=2, use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv1D(32, 5, strides=2, activation="relu"),
            layers.Conv1D(48, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def image_net() -> keras.Model:
    """Return a net of Conv2D."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(48, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )


NETS = {"sensor, Conv1D": (sensor_net, movements), "image, Conv2D": (image_net, bars)}


def put(name: str, folder: Path) -> None:
    """Train a net, and put it with its data into a folder."""
    make_net, make_data = NETS[name]
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (x, y), (x_test, y_test) = make_data(rng, 1200), make_data(rng, 400)
    net = make_net()
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(x, y, epochs=8, verbose=0)
    net.save(folder / "net.keras")
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)


def run(command: str, folder: Path) -> Json:
    """Run a command of tfopt; return its report, or raise `CalledProcessError` if it fails."""
    arguments = [Path(sys.executable).with_name("tfopt"), *command.split(), "--json"]
    ended = subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    report: Json = json.loads(ended.stdout)
    return report


def children_seconds() -> float:
    """Return how long child processes have kept a core busy, which does not depend on what else the machine does."""
    spent = os.times()
    return spent.children_user + spent.children_system


def compiles(folder: Path) -> bool:
    """Compile what was written, and run it."""
    c = ["gcc", *WARNINGS, "-std=c11", "-c", "firmware.c", "-o", "firmware.o"]
    program = ["g++", *WARNINGS, "-std=c++17", f"-I{STUB}", "firmware.main.cc", "firmware.o", "-o", "firmware"]
    ended = (subprocess.run(one, cwd=folder, check=False, capture_output=True) for one in (c, program, ["./firmware"]))
    return all(one.returncode == 0 for one in ended)


def main() -> int:
    """Make both projects; return the exit code."""
    right = True
    table = Table(
        "net",
        "seconds",
        "of a core",
        "flash, bytes",
        "RAM, bytes",
        "files",
        "compiles and runs",
        title="; ".join(COMMANDS),
    )
    for name in NETS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            put(name, folder)
            began, busy = time.perf_counter(), children_seconds()
            *_, report = [run(command, folder) for command in COMMANDS]
            seconds, busy = time.perf_counter() - began, children_seconds() - busy
            missing = [each for each in WRITTEN if not (folder / each).exists()]
            sound = compiles(folder)
        right &= sound and not missing and seconds < MOST_SECONDS
        figures = (f"{report[figure]['value']:,.0f}" for figure in ("flash", "ram"))
        files = f"{', '.join(missing)} missing" if missing else "all there"
        table.add_row(name, f"{seconds:.0f}", f"{busy:.0f}", *figures, files, "yes" if sound else "no")
    Console(width=120).print(table)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
