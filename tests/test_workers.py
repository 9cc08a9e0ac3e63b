import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.test_bad_input import heeding_interrupts
from tests.test_data import npz
from tfopt.distribution.workers.addresses import free_ports, from_environment, parse_workers, wait_until_gone
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact

TWO = "a:1,b:2"
TRAIN = ("train", "--arch", "mlp", "--batch-size", 8, "--epochs", 6, "--checkpoint-steps", 20)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--workers", "a:1,b"), "--workers b is not an address; write HOST:PORT"),
        (("--workers", "a:1,b:70000", "--rank", 0), "--workers b:70000 is not an address"),
        (("--workers", "a:1", "--rank", 0), "--workers a:1 is one worker alone"),
        (("--workers", "a:1,a:1", "--rank", 0), "--workers has a:1 twice"),
        (("--workers", TWO), "--rank is missing: it says which of --workers this process is, 0 to 1"),
        (("--workers", TWO, "--rank", 2), "--rank 2 is none of them"),
        (("--workers", 1), "--workers 1 is out of range"),
        (("--workers", 2, "--rank", 0), "--workers 2 starts all of them here"),
        (("--rank", 0), "--rank 0 needs --workers"),
        (("--workers", "env"), "--workers env finds neither TF_CONFIG nor the variables of a Slurm step"),
        (("--workers", 2, "--worker-timeout", 0), "--worker-timeout 0.0 is out of range"),
    ],
)
def test_workers_that_cannot_be_are_one_sentence(tfopt, tmp_path, monkeypatch, arguments, words):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    ended = tfopt("train", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("task", "rank"), [({"type": "chief", "index": 0}, 0), ({"type": "worker", "index": 1}, 2)], ids=["chief", "worker"]
)
def test_tf_config_names_the_chief_first(task, rank):
    config = json.dumps({"cluster": {"worker": ["b:2", "c:3"], "chief": ["a:1"]}, "task": task})
    assert from_environment({"TF_CONFIG": config}) == (("a:1", "b:2", "c:3"), rank)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "TF_CONFIG has no cluster and task"),
        ("[]", "TF_CONFIG has no cluster and task"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG has no cluster and task"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "has tasks of type ps; only chief and"),
    ],
)
def test_a_tf_config_that_says_something_else_is_one_sentence(text, words):
    with pytest.raises(InputError, match=words):
        from_environment({"TF_CONFIG": text})


def test_a_number_and_a_list_of_workers_are_told_apart():
    assert parse_workers("3", None) == (3, None)
    assert parse_workers("[::1]:22, b.c:3", 1) == (("[::1]:22", "b.c:3"), 1)
    assert WorkersConfig(workers=("[::1]:22", "b.c:3"), rank=1).count == 2


def test_a_port_that_is_taken_is_one_sentence(tfopt, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = tfopt("train", "--workers", f"{own},127.0.0.1:9", "--rank", 0)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert f"the port of {own}, where rank 0 is to be, is taken on this machine" in ended.err
    assert not list(tmp_path.iterdir())


def test_a_worker_that_never_comes_is_one_sentence_after_the_time_limit(tfopt, tmp_path):
    own, missing = free_ports(2)
    start = time.monotonic()
    ended = tfopt("train", "--workers", f"{own},{missing}", "--rank", 0, "--worker-timeout", 3)
    assert time.monotonic() - start < 30
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert f"the workers have not come together within 3 s: nobody answers at {missing}" in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", [("--jit",), ("--distributed", "--replicas", 2)])
def test_options_of_one_process_are_not_for_workers(tfopt, option):
    ended = tfopt("train", "--workers", 2, *option)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert f"{option[-1] if len(option) == 1 else '--replicas'} is for one process" in ended.err


def test_a_worker_waits_until_those_of_the_failed_training_are_gone():
    own, other = free_ports(2)
    with socket.create_server(("127.0.0.1", int(other.split(":")[1]))):
        start = time.monotonic()
        wait_until_gone((own, other), 0, 0.5)
        assert time.monotonic() - start >= 0.5
    wait_until_gone((own, other), 0, 60)
    assert time.monotonic() - start < 30


class Run:
    """A command in a process of its own, and what is left of it afterwards, found by a mark in the environment."""

    def __init__(self, folder, *arguments):
        self.mark = uuid.uuid4().hex
        self.folder = folder
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tfopt", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "TFOPT_TEST_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heeding_interrupts,
        )

    def workers(self):
        """Process ids by rank."""
        found = subprocess.run(["pgrep", "-P", str(self.popen.pid)], capture_output=True, text=True, check=True)
        return [int(pid) for pid in found.stdout.split()]

    def wait_for(self, name, position):
        """Wait until the checkpoint has come so far."""
        state = self.folder / f"{name}.checkpoint" / "state.json"
        while self.popen.poll() is None:
            if state.exists() and json.loads(state.read_text())["position"] >= position:
                return
            time.sleep(0.005)
        raise AssertionError(self.popen.stderr.read())

    def end(self):
        """Its exit code, output and messages, and no process that it leaves behind."""
        out, err = self.popen.communicate(timeout=200)
        until = time.monotonic() + 20
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(0.1)
        assert left == []
        return self.popen.returncode, out, err

    def left(self):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                marked = self.mark.encode() in (process / "environ").read_bytes()
                dead = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            found += [int(process.name)] if marked and not dead else []
        return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    code, _, err = Run(folder, *TRAIN, "--workers", 2, "-o", "whole.keras", "--json").end()
    assert code == 0, err
    return folder / "whole.keras"


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1], ids=["chief", "other"])
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint_and_nothing_else(undisturbed, tmp_path, rank):
    running = Run(tmp_path, *TRAIN, "--workers", 2, "-o", "killed.keras", "--json")
    running.wait_for("killed.keras", [2, 40])
    os.kill(running.workers()[rank], signal.SIGKILL)
    code, out, err = running.end()
    assert code == 0, err
    report = json.loads(out)
    [told] = [note for note in report["notes"] if "signal 9" in note]
    assert told.startswith(f"worker {rank} was ended by signal 9 in step ")
    assert "all started again after epoch 2 and " in told
    lost = int(told.split(", ")[-1].split()[0])
    assert lost <= 20 + 1
    assert told in err
    whole = json.loads(Path(f"{undisturbed}.report.json").read_text())
    assert [epoch["val_loss"] for epoch in report["history"]] == [epoch["val_loss"] for epoch in whole["history"]]
    assert len(report["replicas"]) == 2
    seen = "2 replicas made 810 steps on 6,474 samples, in each epoch on all 1,079"
    assert seen in report["notes"]
    assert seen in whole["notes"]
    first, second = (KerasArtifact.load(path).model.get_weights() for path in (undisturbed, tmp_path / "killed.keras"))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.keras", "killed.keras.report.json"]


@pytest.mark.slow
def test_a_worker_that_dies_too_often_ends_the_run_and_it_can_be_resumed(undisturbed, tmp_path):
    running = Run(tmp_path, *TRAIN, "--workers", 2, "-o", "m.keras", "--max-restarts", 0)
    running.wait_for("m.keras", [1, 20])
    os.kill(running.workers()[1], signal.SIGKILL)
    code, out, err = running.end()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "worker 1 was ended by signal 9; --max-restarts 0 allows no more" in err
    code, out, err = Run(tmp_path, *TRAIN, "--workers", 2, "-o", "m.keras", "--resume", "-q").end()
    assert (code, err) == (0, "")
    first, second = (KerasArtifact.load(path).model.get_weights() for path in (undisturbed, tmp_path / "m.keras"))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_command(tmp_path, number):
    running = Run(tmp_path, *TRAIN, "--workers", 2)
    running.wait_for("model.keras", [0, 20])
    running.popen.send_signal(number)
    code, out, err = running.end()
    if number != signal.SIGKILL:
        assert (code, out, err.count("\n")) == (128 + number, "", 1)
        assert "--resume goes on" in err
    assert code == (-number if number == signal.SIGKILL else 128 + number)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_in_a_cluster_every_command_starts_its_own_worker_again(undisturbed, tmp_path, victim):
    addresses = ",".join(free_ports(2))
    runs = []
    for rank in (0, 1):
        (tmp_path / str(rank)).mkdir()
        more = ("--workers", addresses, "--rank", rank, "-o", f"m{rank}.keras", "--worker-timeout", 60)
        runs.append(Run(tmp_path / str(rank), *TRAIN, *more))
    runs[0].wait_for("m0.keras", [2, 40])
    os.kill(runs[victim].workers()[0], signal.SIGKILL)
    (code, _, err), (other, _, words) = (run.end() for run in runs)
    assert (code, other) == (0, 0), err + words
    assert f"worker {victim} was ended by signal 9" in (err, words)[victim]
    assert "worker 1 of 2 is done; worker 0 writes the model" in words
    assert list((tmp_path / "1").iterdir()) == []
    first, second = (
        KerasArtifact.load(path).model.get_weights() for path in (undisturbed, tmp_path / "0" / "m0.keras")
    )
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(first, second, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs", "more", "words"),
    [
        ((), ("--data", "samples.npz"), "", "worker 1 was started with another data set than the chief"),
        ((), ("--seed", 1), "", "worker 1 was started with another set of options than the chief"),
        ((), (), ",127.0.0.1:9", "every worker needs the same --workers"),
    ],
    ids=["data", "options", "list"],
)
def test_workers_that_were_asked_for_different_things_refuse(tmp_path, ours, theirs, more, words):
    npz(tmp_path / "samples.npz")
    addresses = ",".join(free_ports(2))
    chief = Run(tmp_path, *TRAIN, *ours, "--workers", addresses, "--rank", 0, "--worker-timeout", 60)
    other = Run(tmp_path, *TRAIN, *theirs, "--workers", addresses + more, "--rank", 1, "-o", "b.keras")
    for run in (chief, other):
        code, out, err = run.end()
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert words in err
    assert [path.name for path in tmp_path.iterdir()] == ["samples.npz"]
