"""What tests share: the command line in this process or as a user runs it, and the three literal commands run once."""

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tfopt.cli import run as run_tfopt

SAMPLES = Path(__file__).parents[1] / "sample_models"


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        return json.loads(self.out)


@pytest.fixture(scope="session", autouse=True)
def converters():
    """Let the children that convert serve one test after the other: most of their time is the import of TensorFlow."""
    from tfopt.runtime.processes import started_ahead

    with started_ahead():
        yield


@pytest.fixture
def tfopt(capfd, tmp_path, monkeypatch):
    """Run a command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ended:
        capfd.readouterr()
        code = run_tfopt([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Ended(code, out, err)

    return call


def called(*arguments: object, folder: Path) -> Ended:
    """Run a command line in this process, in a folder; for fixtures of a module, which cannot have `tfopt`."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_tfopt([str(argument) for argument in arguments])
        printed = [(stream.flush(), stream.buffer.getvalue().decode())[1] for stream in (out, err)]
    return Ended(code, *printed)


def process(*arguments: object, folder: Path, **options) -> Ended:
    """Run a command line as a user does, in a process of its own."""
    command = [sys.executable, "-m", "tfopt", *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, **options)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture(scope="session")
def literal(tmp_path_factory):
    """The folder after the three literal commands of the README, and how each of them ended."""
    folder = tmp_path_factory.mktemp("literal")
    commands = (
        ("train", "--distributed"),
        ("prune", "model.keras", "--sparsity", "0.5"),
        ("quantize", "--int8"),
    )
    ended = {command[0]: process(*command, folder=folder) for command in commands}
    return folder, ended


@pytest.fixture(scope="session")
def report_of(literal):
    """The report that lies beside an output of the literal commands."""
    folder, _ = literal
    return lambda name: json.loads((folder / f"{name}.report.json").read_text())


def context(data=None):
    """What a technique is given beside a model and a config."""
    from tfopt.core.context import Context
    from tfopt.runtime.progress import Silent

    return Context.of(data, Silent())


@pytest.fixture(scope="session")
def digits():
    from tfopt.data.config import DataConfig
    from tfopt.data.loader import load

    return load(DataConfig())


@pytest.fixture
def sample(tmp_path):
    """A copy of the sample CNN in the empty folder."""
    path = tmp_path / "sample.keras"
    path.write_bytes((SAMPLES / "digits-cnn.keras").read_bytes())
    return path


@pytest.fixture(scope="session", autouse=True)
def untimed():
    """Measure latency in two rounds only: it does not matter but in tests that are `timed`."""
    from tfopt.evaluation import latency

    with pytest.MonkeyPatch.context() as patch:
        before = {name: getattr(latency, name) for name in ("WARM_UP", "LEAST_ROUNDS", "SECONDS")}
        for name, value in (("WARM_UP", 1), ("LEAST_ROUNDS", 2), ("SECONDS", 0.0)):
            patch.setattr(latency, name, value)
        yield before


@pytest.fixture
def timed(untimed, monkeypatch):
    """Measure latency as users do."""
    from tfopt.evaluation import latency

    for name, value in untimed.items():
        monkeypatch.setattr(latency, name, value)
