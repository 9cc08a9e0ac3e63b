"""Streams that are closed, full, in another encoding, or read by nobody, are said in one sentence or do no harm."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import SAMPLES

SAMPLE = str(SAMPLES / "digits-mlp.keras")
FULL = "No space left on device"


def shell(line, folder, **environment):
    words = line.replace("tfopt", f"'{sys.executable}' -m tfopt").replace("SAMPLE", f"'{SAMPLE}'")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words}"], cwd=folder, capture_output=True, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device")  # noqa: PTH110
@pytest.mark.parametrize("line", ["tfopt --help", "tfopt --version", "tfopt inspect SAMPLE"])
def test_a_full_device(tmp_path, line):
    ended = shell(f"{line} > /dev/full", tmp_path)
    assert (ended.returncode, ended.stderr.count(b"\n")) == (2, 1)
    assert FULL in ended.stderr.decode()
    assert shell("tfopt inspect no.keras 2> /dev/full", tmp_path).returncode == 2


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path, closed):
    ended = shell(f"tfopt inspect SAMPLE --json {closed}", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert shell(f"tfopt inspect no.keras {closed}", tmp_path).returncode == 2


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_report_that_nobody_reads(tmp_path, more):
    ended = shell(f"tfopt inspect SAMPLE {more} | true", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_encoding_that_lacks_characters(tfopt, tmp_path):
    table = shell("tfopt inspect SAMPLE", tmp_path, PYTHONIOENCODING="ascii")
    assert (table.returncode, table.stderr) == (0, b"")
    assert table.stdout.isascii()
    found = shell("tfopt inspect SAMPLE --json", tmp_path, PYTHONIOENCODING="latin-1")
    assert json.loads(found.stdout.decode()) == tfopt("inspect", SAMPLE, "--json").report


@pytest.mark.parametrize("line", [r"tfopt inspect $'m\xff.keras' --json", r"tfopt inspect SAMPLE --data $'\xff.csv'"])
def test_names_that_are_no_text(tmp_path, line):
    ended = shell(line, tmp_path, PYTHONUTF8="1")
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (2, b"", 1)
    assert b"\\xff" in ended.stderr
    assert b"give the file another name" in ended.stderr


def test_settings_of_keras_that_are_nonsense_are_one_sentence(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "bogus"}')
    ended = shell("tfopt inspect SAMPLE", tmp_path, KERAS_HOME=str(tmp_path))
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (2, b"", 1)
    assert b"TensorFlow and Keras cannot be loaded: Invalid floatx configuration" in ended.stderr
