"""A user's script with data of each kind passes `mypy --strict`, and one with a mistake does not."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = '''
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import tfopt

x, y = np.zeros((100, 4), np.float32), np.arange(100) % 2
named = {"left": x, "right": x}


class Frame:
    """What a frame of pandas or polars looks like to a type checker."""

    columns = ["a", "label"]

    def __getitem__(self, name: str) -> list[float]:
        return [0.0] * 100


class Batches:
    """A keras.utils.PyDataset."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[object, object]:
        return x, y


def made() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], list[int]]:
    return x, [0] * 100


def batches() -> Iterator[tuple[object, object]]:
    yield x, y


every: list[tfopt.Dataset] = [
    tfopt.load_data("digits"),
    tfopt.load_data(Path("data.csv")),
    tfopt.load_data(tfopt.DataConfig(source="data.parquet", label="kind")),
    tfopt.load_data((x, y), tfopt.DataConfig(scale="unit")),
    tfopt.load_data(((x, y), (x, y))),
    tfopt.load_data((named, {"kind": y, "box": x})),
    tfopt.load_data({"x": x, "y": y}),
    tfopt.load_data(Frame()),
    tfopt.load_data(Batches()),
    tfopt.load_data(made),
]
result: tfopt.Result = tfopt.train(tfopt.TrainConfig(epochs=1), every[0])
pruned = tfopt.prune(result.artifact, tfopt.PruneConfig(sparsity=0.5), data=(x, y))
size: int = pruned.report.measurements[0].file_bytes
report: tfopt.Report = tfopt.compare([result.artifact, pruned.artifact], data=(named, y))
report = tfopt.evaluate(pruned.artifact, (x, y), metric="macro-f1")
'''
WRONG = 'import tfopt\n\ntfopt.prune("model.keras", tfopt.PruneConfig(), data=3)\n'


@pytest.mark.slow
def test_a_script_with_each_kind_of_data_is_typed(tmp_path):
    for name, text in (("script.py", SCRIPT), ("wrong.py", WRONG)):
        (tmp_path / name).write_text(text)
    root = Path(__file__).parents[1]
    paths = [str(tmp_path / name) for name in ("script.py", "wrong.py")]
    command = [sys.executable, "-m", "mypy", *paths]  # strict by the settings of the project
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    errors = [line for line in found.stdout.splitlines() if ": error:" in line]
    assert [line for line in errors if "script.py" in line] == []
    assert any("wrong.py:3" in line and 'Argument "data" to "prune"' in line for line in errors), found.stdout
