"""The one launcher of child processes: what goes in, what comes back, and that no child outlives its parent."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import tfopt
from tests import children
from tfopt.errors import InputError, TfoptError
from tfopt.runtime import processes
from tfopt.runtime.process_group import HOME, ProcessGroup
from tfopt.runtime.processes import ProcessError, run, signal_name, started_ahead

ORPHAN = """
import sys
from tfopt.runtime.processes import run
class Says:
    def say(self, sentence):
        print(sentence, flush=True)
run("tests.children:sleeps", 60, progress=Says())
"""


@pytest.fixture(autouse=True)
def no_child_waits():
    """Start each child anew: those of other tests do not serve here."""
    token = processes._waiting.set(None)
    yield
    processes._waiting.reset(token)


class Shown:
    """A `Progress` that remembers."""

    def __init__(self):
        self.seen = []

    def say(self, sentence):
        self.seen.append(sentence)

    @contextmanager
    def task(self, description, total):
        self.seen.append((description, total))
        yield lambda steps=1, detail="": self.seen.append((steps, detail))
        self.seen.append("end")


def test_arrays_go_in_and_plain_data_comes_back():
    found = run("tests.children:answers", np.array([1.5, np.inf]), "é\n")
    assert found == {"text": "é\n", "numbers": [1.5, np.inf]}
    assert children.Answer.model_validate(found).numbers[1] == np.inf


def test_tasks_of_the_child_are_shown_by_the_parent():
    shown = Shown()
    assert run("tests.children:works", progress=shown) is None
    assert shown.seen == ["it begins", ("outer", 2), (1, "first"), ("inner", None), (1, ""), "end", (1, ""), "end"]


def test_an_error_of_tfopt_is_raised_again_with_its_class_and_sentence():
    with pytest.raises(InputError, match=r"^no such file\nat all$") as raised:
        run("tests.children:refuses", "no such file\nat all")
    assert type(raised.value) is InputError


def test_another_error_names_its_class_and_the_last_line():
    with pytest.raises(ProcessError, match="its process ended with code 1: ValueError: no such axis") as raised:
        run("tests.children:fails")
    assert (raised.value.raised, raised.value.code) == ("ValueError: no such axis", 1)
    assert isinstance(raised.value, TfoptError)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("why", "why"),
        ("why\n\nI0000 00:00:17.1 log.cc:1] TensorFlow", "why"),
        ("", "it said nothing"),
    ],
)
def test_a_child_that_exits_is_one_sentence(last, words):
    with pytest.raises(ProcessError, match=f"its process ended with code 3: {words}$") as raised:
        run("tests.children:exits", 3, last)
    assert raised.value.raised == ""


def test_a_child_that_ends_well_without_an_answer_has_failed():
    with pytest.raises(ProcessError, match="its process ended with code 0: bye"):
        run("tests.children:exits", 0, "bye")


def test_a_child_that_crashes_is_one_sentence_and_its_tasks_end():
    shown = Shown()
    with pytest.raises(ProcessError, match="its process was ended by signal 11") as raised:
        run("tests.children:crashes", progress=shown)
    assert shown.seen == [("never done", 3), (1, ""), "end"]
    assert signal_name(raised.value.code) == "SIGSEGV"


def test_a_child_that_crashes_after_it_has_answered_has_crashed():
    with pytest.raises(ProcessError, match="its process was ended by signal 6"):
        run("tests.children:returns_and_crashes", 1)


def test_a_child_that_takes_too_long_is_killed():
    start = time.monotonic()
    with pytest.raises(ProcessError, match=r"its process took longer than 0\.5 s") as raised:
        run("tests.children:sleeps", 60, time_limit=0.5)
    assert raised.value.late
    assert time.monotonic() - start < 30


def test_what_is_no_report_is_passed_over():
    assert run("tests.children:babbles") == "sane"


def test_a_child_that_was_taken_over_cannot_name_any_class():
    assert processes.error_of(processes.Event("error", "x", value="annotations")) is None
    assert processes.error_of(processes.Event("error", "x", value="__loader__")) is None
    assert (
        type(processes.error_of(processes.Event("error", "x", value="ConversionError"))).__name__ == "ConversionError"
    )


def test_a_child_and_the_launcher_load_nothing_heavy():
    assert not {"tensorflow", "keras", "numpy", "subprocess"} & set(run("tests.children:modules"))
    code = "import sys, tfopt.runtime.processes; print({'tensorflow', 'keras', 'numpy', 'pydantic'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_a_child_finds_the_tfopt_that_its_parent_is():
    assert Path(HOME, "tfopt", "__init__.py").samefile(tfopt.__file__)


def test_a_child_is_quiet_and_has_what_it_is_given(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    assert run("tests.children:environment")["TF_CPP_MIN_LOG_LEVEL"] == "3"
    found = run("tests.children:environment", environment={"MORE": "1"})
    assert (found["TF_CPP_MIN_LOG_LEVEL"], found["MORE"]) == ("0", "1")


def test_temporary_files_of_a_child_are_gone_with_it():
    left = Path(run("tests.children:leaves_files"))
    assert left.is_relative_to(tempfile.gettempdir())
    assert not left.exists()
    assert not left.parent.exists()


def test_several_children_work_at_once_and_none_is_left():
    with ProcessGroup() as group:
        for number in (0, 1):
            group.start(number, "tests.children:sleeps", 60)
        pids = {}
        while len(pids) < 2:
            number, event = group.next_event()
            if event.kind == "say":
                pids[number] = int(event.text)
        assert {number: process.pid for number, process in group.processes.items()} == pids
        assert group.next_event(0.01) is None
        os.kill(pids[1], signal.SIGKILL)
        number, event = group.next_event(30)
        assert (number, event.kind) == (1, "exit")
        assert group.processes[1].ending == "was ended by signal 9"
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_child_that_was_started_ahead_serves_one_call_and_has_imported_what_it_needs():
    with started_ahead("tests.children"):
        assert run("tests.children:was_prepared") is True
        assert run("tests.children:was_prepared") is False
    assert run("tests.children:was_prepared") is False


def test_a_child_serves_the_next_lasting_call_of_its_module_until_one_is_not():
    def called(**options):
        return run("tests.children:number", **options)

    with started_ahead():
        first, second, third = called(lasting=True), called(lasting=True), called()
        assert first == second == third
        assert not Path(f"/proc/{first}").exists()  # the last call was not lasting
        assert called(lasting=True) != first
    assert called(lasting=True) != called(lasting=True)


def test_a_child_that_has_failed_serves_no_more_and_one_that_waits_has_no_time_limit():
    with started_ahead():
        first = run("tests.children:number", lasting=True)
        assert run("tests.children:number", lasting=True, time_limit=1) == first
        time.sleep(1.5)
        assert run("tests.children:number", lasting=True) == first
        with pytest.raises(ProcessError, match="no such axis"):
            run("tests.children:fails", lasting=True)
        second = run("tests.children:number", lasting=True)
        assert second != first
        with pytest.raises(ProcessError, match="longer than"):
            run("tests.children:sleeps", 60, lasting=True, time_limit=0.3)
        third = run("tests.children:number", lasting=True)
        assert third != second
    assert not any(Path(f"/proc/{pid}").exists() for pid in (first, second, third))


def test_children_that_were_started_ahead_and_not_called_are_gone_at_the_end():
    with started_ahead("tests.children", "tests.children") as pids:
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        with started_ahead("tests.children") as more:
            assert more == []
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_child_that_was_started_ahead_and_has_died_is_replaced():
    with started_ahead("tests.children") as (pid,):
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.01)
        assert run("tests.children:answers", np.array([1.0]), "x")["text"] == "x"


def test_what_fails_while_a_child_is_started_ahead_is_told_by_the_call():
    with started_ahead("tests.missing"), pytest.raises(ProcessError, match=r"No module named 'tests\.missing'"):
        run("tests.missing:nothing")


def test_a_child_that_was_started_ahead_has_the_time_limit_of_its_call():
    late = pytest.raises(ProcessError, match=r"its process took longer than 0\.5 s")
    with started_ahead("tests.children"), late as raised:
        run("tests.children:sleeps", 60, time_limit=0.5)
    assert raised.value.late


def test_a_child_ends_when_its_parent_is_killed():
    running = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    child = int(running.stdout.readline())
    running.kill()
    running.wait()
    until = time.monotonic() + 20
    while time.monotonic() < until and Path(f"/proc/{child}").exists():
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
