"""Too little disk or memory, a folder that cannot be written: one sentence, nothing lost; what a model takes."""

import errno
import os
import resource
from pathlib import Path

import keras
import pytest

from tests.conftest import process
from tests.measured import taken

MOST_FOLD = 12  # seen: 10 for prune, 11 for quantize, of which the memory that oneDNN keeps for later is 2 to 3
WRITERS = {
    "prune": ("prune", "sample.keras", "--schedule", "one-shot", "-o", "out.keras"),
    "quantize": ("quantize", "sample.keras", "--dynamic", "-o", "out.tflite"),
    "convert": ("convert", "sample.keras", "-o", "out.tflite"),
    "train": ("train", "--epochs", "1", "-o", "out.keras"),
}


@pytest.fixture
def folder(tmp_path, sample):
    for name in ("out.keras", "out.tflite", "out.keras.report.json", "out.tflite.report.json"):
        (tmp_path / name).write_bytes(b"precious")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refused(ended, folder, before):
    assert ended.code == 2, ended.err
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1, ended.err
    assert contents(folder) == before
    return ended.err


def limited(what, most):
    return lambda: resource.setrlimit(what, (most, most))


@pytest.mark.parametrize("size", [10_000, 100_000])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name != "convert" else name for name in WRITERS]
)
def test_a_disk_that_is_full(folder, name, size):
    before = contents(folder)
    ended = process(*WRITERS[name], "--force", folder=folder, preexec_fn=limited(resource.RLIMIT_FSIZE, size))
    refused(ended, folder, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("gigabytes", [0.5, 1, 2, 2.5, 2.9, 3.1])
def test_addresses_that_do_not_suffice(folder, name, gigabytes):
    before = contents(folder)
    most = limited(resource.RLIMIT_AS, int(gigabytes * 1e9))
    ended = process(*WRITERS[name], "--force", "-q", folder=folder, preexec_fn=most)
    if ended.code:
        refused(ended, folder, before)
    else:
        assert gigabytes > 3


def test_addresses_that_do_not_suffice_for_tensorflow(folder):
    before = contents(folder)
    ended = process(*WRITERS["convert"], "--force", folder=folder, preexec_fn=limited(resource.RLIMIT_AS, 2 * 10**9))
    assert "2,000,000,000 bytes of memory" in refused(ended, folder, before)


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_cannot_be_written(tfopt, folder, monkeypatch, name):
    """To root every folder can be written: that it cannot be is what the system answers here."""
    before = contents(folder)

    def refuse(path, *arguments, **options):
        if str(path).endswith((".tmp", ".lock")):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really(path, *arguments, **options)

    really = os.open
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    assert "cannot write into ." in refused(tfopt(*WRITERS[name], "--force"), folder, before)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prune", "quantize"])
def test_memory_grows_with_the_model_and_not_beyond_what_was_seen(tmp_path, name):
    inputs = keras.Input((512,))
    x = inputs
    for width in (4096, 4096, 1536):
        x = keras.layers.Dense(width, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(10)(x))
    model.save(tmp_path / "large.keras")
    keras.Sequential([keras.Input((512,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(10)]).save(
        tmp_path / "sample.keras"
    )
    sizes = {}
    for which in ("sample", "large"):
        command = [f"{which}.keras" if part == "sample.keras" else part for part in WRITERS[name]]
        ended = taken(*command, "--force", "-q", folder=tmp_path)
        assert ended.code == 0, ended.err
        sizes[which] = ended.size
    weighs = (tmp_path / "large.keras").stat().st_size
    fold = (sizes["large"] - sizes["sample"]) / weighs
    print(f"{name}: {fold:.1f} times the {weighs / 1e6:.0f} MB of the model beside {sizes['sample'] / 1e6:.0f} MB")
    assert fold <= MOST_FOLD
