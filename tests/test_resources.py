"""Too little disk or memory, a folder that cannot be written: one sentence, nothing lost; what a model takes."""

import errno
import os
import resource
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.conftest import process
from tests.measured import taken

BARE = Path(__file__).parent / "bare.py"
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
    assert refused(ended, folder, before)


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


@pytest.fixture(scope="module")
def two_sizes(tmp_path_factory):
    """A model of 100 MB, a small one, and samples for both."""
    folder = tmp_path_factory.mktemp("sizes")
    for name, widths in {"small": [16], "large": [4096, 4096, 1536]}.items():
        layers = [keras.layers.Dense(width, activation="relu") for width in widths]
        keras.Sequential([keras.Input((512,)), *layers, keras.layers.Dense(10)]).save(folder / f"{name}.keras")
    np.savez(folder / "samples.npz", x=np.random.default_rng(0).random((64, 512), np.float32))
    return folder


MEMORY = {
    "prune": ("prune", "--schedule", "one-shot", "-o", "out.keras"),
    "dynamic": ("quantize", "--dynamic", "-o", "out.tflite"),
    "int8": ("quantize", "--int8", "--calibration", "samples.npz", "-o", "out.tflite"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEMORY)
def test_beside_what_tensorflow_takes_for_the_same_a_model_takes_at_most_four_times_its_size(two_sizes, name):
    """What the large model takes more than the small one, against the same of a script of Keras and TensorFlow."""
    command, *options = MEMORY[name]
    ours, theirs = {}, {}
    for size in ("small", "large"):
        ended = taken("-m", "tfopt", command, f"{size}.keras", *options, "--force", "-q", folder=two_sizes)
        alone = taken(BARE, f"{size}.keras", name, folder=two_sizes)
        assert ended.code == alone.code == 0, ended.err + alone.err
        ours[size], theirs[size] = ended.size, alone.size
    weighs = (two_sizes / "large.keras").stat().st_size
    folds = [(found["large"] - found["small"]) / weighs for found in (ours, theirs)]
    print(f"{name}: {folds[0]:.1f} times the {weighs / 1e6:.0f} MB of the model, TensorFlow alone {folds[1]:.1f}")
    print(*(f"{found['large'] / 1e6:.0f} MB with {found['small'] / 1e6:.0f} for none" for found in (ours, theirs)))
    assert folds[0] - folds[1] <= 4
