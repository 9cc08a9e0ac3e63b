"""What the commands do with models that others trained: a table of model and command.

    python benchmarks/acceptance.py FOLDER [PATTERN]

FOLDER, by default `../shared`, has `models` and `data`; without it that is said, and nothing is tested. A cell is
`worked`, `refused` (exit 2 with a sentence) or `FAILED`; `worked, worse` is exit 1: the file was written, and its
report says that it lost too much. A refusal is a failure too, unless the model cannot be read at all, or is a
`.tflite`, which is measured and not changed. Every model has a process of its own, so that one that dies takes no other
along.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

SECONDS = 3600
SAMPLES = 64  # to calibrate on
WIDTHS = {
    "int8": ("--int8",),
    "int16": ("--int16",),
    "float16": ("--float16",),
    "dynamic": ("--dynamic",),
    "int8, int4": ("--int8", "--weights", "int4"),
    "dynamic, int4": ("--dynamic", "--weights", "int4"),
    "dynamic, int2": ("--dynamic", "--weights", "int2"),
    "weights int8": ("--weights", "int8"),
    "weights int4": ("--weights", "int4"),
    "weights int2": ("--weights", "int2"),
}
FOR_TFLITE = ("inspect", "compare")
COMMANDS = ("inspect", "prune", "cluster", *WIDTHS, "compare")
DATA = {  # by the name of the model, with the scale that it was fed in
    "harish_fashion_dense": ("fashion_mnist_dev.npz", "unit"),
    "elec_gru": ("elec_windows.npz", "none"),
    "koi_transformer": ("koi_exoplanets.npz", "standard"),
    "daksh_sms": ("sms_tok5000_len100.npz", "none"),
    "daksh_sms_v0_keras2131": ("sms_tok5000_len100.npz", "none"),
    "tiny_resnet8_cifar10": ("cifar10_jpeg_small.npz", "none"),
    "resnet8_cifar10_float": ("cifar10_jpeg_small.npz", "none"),
    "resnet8_cifar10_int8": ("cifar10_jpeg_small.npz", "none"),
}
ARRAYS = {  # what to calibrate on where there are no labels for it, and what it is divided by
    "harshit_cifar_autoencoder": ("cifar10_jpeg_small.npz", "x_train", 255),
    "tiny_streaming_wakeword": ("mlperf_tiny_samples.npz", "sww_specs", 1),
}


def main(folder: Path, pattern: str) -> int:
    console = Console(width=220)
    if not (folder / "models").is_dir():
        console.print(f"NOTHING WAS TESTED: {folder / 'models'} is not there; give a folder that has models and data")
        return 0
    table = Table("model", "data", *COMMANDS, "s", box=None)
    sentences: list[str] = []
    cells = {"worked": 0, "refused": 0, "FAILED": 0}
    with tempfile.TemporaryDirectory() as place:
        for number, path in enumerate(path for path in models(folder / "models") if pattern in str(path)):
            name = str(path.relative_to(folder / "models"))
            began = time.perf_counter()
            work = Path(place) / str(number)
            work.mkdir()
            found = judged(ended(path, work, folder / "data"), is_keras=path.suffix != ".tflite")
            sentences += [f"{name}, {command}: {verdict}: {said}" for command, (verdict, said) in found.items() if said]
            verdicts = [found[command][0] for command in COMMANDS]
            for verdict in verdicts:
                cells[verdict.split(",")[0]] += 1
            print(f"{name}: {' | '.join(verdicts)}", file=sys.stderr, flush=True)
            table.add_row(name, given(path.stem), *verdicts, f"{time.perf_counter() - began:.0f}")
    console.print(table)
    console.print(*sentences, sep="\n", markup=False, soft_wrap=True)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in cells.items()))
    return 0 if any(cells.values()) and not cells["FAILED"] else 1


def models(folder: Path) -> Iterator[Path]:
    """Every file of a model, and the folder of every SavedModel."""
    found = [path for suffix in ("keras", "h5", "tflite") for path in folder.rglob(f"*.{suffix}")]
    yield from sorted([*found, *(path.parent for path in folder.rglob("saved_model.pb"))])


def given(stem: str) -> str:
    """What a model is tried on."""
    return DATA[stem][0] if stem in DATA else ARRAYS[stem][0] if stem in ARRAYS else "noise"


def ended(path: Path, work: Path, data: Path) -> dict[str, tuple[int, str]]:
    """Exit code and error output of each command that came to an end; a process that died leaves some out."""
    command = [sys.executable, __file__, "--one", str(path.resolve()), str(data.resolve())]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=work, capture_output=True, timeout=SECONDS, check=False)
    told = work / "told.jsonl"
    lines = told.read_text().splitlines() if told.exists() else []
    return {command: (code, said) for command, code, said in map(json.loads, lines)}


def judged(found: dict[str, tuple[int, str]], *, is_keras: bool) -> dict[str, tuple[str, str]]:
    """What became of each command, and the sentence if that is not plain."""
    readable = found.get("inspect", (0, ""))[0] == 0
    may = {command: not readable or not (is_keras or command in FOR_TFLITE) for command in COMMANDS}
    return {command: verdict(*found[command], may_refuse=may[command]) for command in COMMANDS if command in found} | {
        command: ("FAILED", "the process died or took too long") for command in COMMANDS if command not in found
    }


def verdict(code: int, said: str, *, may_refuse: bool) -> tuple[str, str]:
    """One word, and the sentence that was printed."""
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    if code == 0:
        return "worked", ""
    if code == 1 and not errors:
        return "worked, worse", " ".join(said.split())
    plain = code == 2 and len(errors) == 1 and "error: unexpected" not in said and "Traceback" not in said
    return ("refused" if plain and may_refuse else "FAILED"), " ".join(said.split())


def one(path: Path, data: Path) -> None:
    """Run all commands on one model in this process, in this empty folder."""
    from tfopt.cli import run

    options = fed(path, data)
    trained = [*options, "--epochs", "1"] if "--data" in options else options
    calls: dict[str, list[Any]] = {
        "inspect": ["inspect", path],
        "prune": ["prune", path, "-o", "pruned.keras", *(trained if "--data" in options else [])],
        "cluster": ["cluster", path, "-o", "clustered.keras", *(trained if "--data" in options else [])],
    }
    for name, flags in WIDTHS.items():
        needed = options if "--data" in options or name.startswith("int") else []
        calls[name] = ["quantize", path, *flags, "-o", f"{name.replace(', ', '-').replace(' ', '-')}.tflite", *needed]
    for name in COMMANDS:
        made = sorted([*Path().glob("*.keras"), *Path().glob("*.tflite")])
        call = calls.get(name, ["compare", path, *(made or [path]), *(options if "--data" in options else [])])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([*map(str, call), "--quiet"])
        with Path("told.jsonl").open("a") as file:
            file.write(json.dumps([name, code, err.getvalue()]) + "\n")


def fed(path: Path, data: Path) -> list[str]:
    """The options for the data of a model; without any, for noise that is written here to calibrate on."""
    if path.stem in DATA and (data / DATA[path.stem][0]).exists():
        name, scale = DATA[path.stem]
        return ["--data", str(data / name), "--scale", scale]
    arrays: dict[str, Any] = {}
    if path.stem in ARRAYS and (data / ARRAYS[path.stem][0]).exists():
        name, key, divisor = ARRAYS[path.stem]
        arrays["x"] = (np.load(data / name)[key][:SAMPLES] / divisor).astype(np.float32)
    else:
        from tfopt.errors import TfoptError
        from tfopt.formats.loading import load_keras
        from tfopt.graph.model_io import inputs_of
        from tfopt.graph.random_inputs import random_inputs

        with contextlib.suppress(TfoptError):  # the commands will say so
            model = load_keras(path).model
            names = [tensor.name for tensor in inputs_of(model)]
            arrays = {
                name: tensor.numpy() for name, tensor in zip(names, random_inputs(model, batch=SAMPLES), strict=True)
            }
    np.savez("calibration.npz", **arrays)
    return ["--calibration", "calibration.npz"]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main(Path(*sys.argv[1:2] or ["../shared"]), "".join(sys.argv[2:3])))
