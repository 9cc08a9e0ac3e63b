"""Every kind of task from the command line: train, prune, quantize, compare, without further options but `--control`.

`python benchmarks/tasks.py DATA [NAME ...]` takes the files of DATA that are there. Printed is the score on the test
split of each artifact beside that of a method without a model.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = {
    "digits-cnn": (),
    "digits-mobilenet": ("--arch", "mobilenet"),
    "digits-hybrid": ("--arch", "hybrid"),
    "digits-transformer": ("--arch", "transformer"),
    "digits-rnn": ("--arch", "rnn"),
    "diabetes": ("--data", "diabetes"),
    "waves": ("--data", "waves", "--epochs", "10"),
    "phrases": ("--data", "phrases", "--epochs", "10"),
    "numbers": ("--data", "numbers", "--epochs", "10"),
    "shapes": ("--data", "shapes", "--epochs", "10"),
    "shapes-autoencoder": ("--data", "shapes", "--target", "inputs", "--epochs", "10"),
    "fashion-autoencoder": (
        "--data",
        "{fashion_mnist_dev.npz}",
        "--target",
        "inputs",
        "--size",
        "tiny",
        "--epochs",
        "2",
    ),
    "questions-rnn": ("--data", "{questions.tsv.gz}", "--arch", "rnn", "--epochs", "10"),
    "questions-transformer": ("--data", "{questions.tsv.gz}", "--arch", "transformer", "--epochs", "10"),
    "sms": ("--data", "{sms_spam.tsv.gz}", "--epochs", "10"),
    "etth1": ("--data", "{etth1.npz}"),
    "housing": ("--data", "{california_housing.npz}", "--epochs", "15"),
    "multi30k": ("--data", "{multi30k_en_de.tsv.gz}", "--task", "translation", "--epochs", "6"),
    "fashion-cnn": ("--data", "{fashion_mnist_dev.npz}", "--epochs", "10"),
}


def main() -> None:
    data, *wanted = sys.argv[1:] or [""]
    for name in wanted or ROWS:
        options = [_found(option, Path(data)) for option in ROWS[name]]
        if None in options:
            print(f"{name}: its data is not in {data or 'no folder'}: not run", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            _row(name, [option for option in options if option], Path(folder))


def _found(option: str, data: Path) -> str | None:
    if not option.startswith("{"):
        return option
    path = data.resolve() / option.strip("{}")
    return str(path) if path.exists() else None


def _row(name: str, options: list[str], folder: Path) -> None:
    commands = (
        ("train", *options),
        ("prune", "model.keras", "--control"),
        ("quantize", "model-pruned.keras", "--int8"),
        ("compare", "model.keras", "model-pruned.keras", "model-pruned-float.tflite", "model-pruned-int8.tflite"),
    )
    for command in commands:
        present = [word for word in command if not word.endswith((".keras", ".tflite")) or (folder / word).exists()]
        start = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "tfopt", *present, "--json"], cwd=folder, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
        if ended.returncode == 2 or not ended.stdout:
            print(f"{name} {command[0]}: FAILED: {ended.stderr.strip()}", flush=True)
            return
        print(
            f"{name} {command[0]} ({seconds:.0f} s, exit {ended.returncode}): {_told(json.loads(ended.stdout))}",
            flush=True,
        )


def _told(report: dict) -> str:
    baseline = report["data"]["baseline"]
    shown = [*report["measurements"], *filter(None, [report["control"]])]
    scores = ", ".join(f"{one['name']} {_score(one)}" for one in shown)
    return f"{scores}; without a model {baseline['value']:.4g} by {baseline['method']}"


def _score(one: dict) -> str:
    if one["bleu"]:
        return f"BLEU {one['bleu']['value']:.1f}, {one['accuracy']['value']:.2%} of words"
    return f"MAE {one['deviation']['mae']:.4g}" if one["deviation"] else f"{one['accuracy']['value']:.2%}"


if __name__ == "__main__":
    main()
