"""Data that are not held: the same values, splits and models as of data that are, in little memory."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tfopt
from tests.lazy_sources import COLUMNS, IMAGES, LABELS, NUMBERS, SOURCES, npz, table
from tfopt.data import lazy_arrays, row_files, text_tables
from tfopt.data.config import DataConfig
from tfopt.data.lazy_arrays import LazyArray
from tfopt.data.loader import load
from tfopt.errors import InputError, OutputError
from tfopt.tasks.registry import rules_for
from tfopt.training.batches import training_batches

NOTE = "the samples are too many to hold: they are read from disk whenever they are needed"


def both(path, monkeypatch, **options):
    """The data as they are held, and as they are not."""
    config = DataConfig(source=str(path), **options)
    held = load(config)
    with monkeypatch.context() as patch:
        patch.setattr(lazy_arrays, "MOST_HELD", 0)
        return held, load(config)


@pytest.mark.parametrize("name", SOURCES)
def test_values_splits_and_figures_are_the_same(tmp_path, monkeypatch, name):
    path, options = SOURCES[name](tmp_path)
    held, lazy = both(path, monkeypatch, **options)
    assert isinstance(lazy.train.inputs[0], LazyArray)
    for (_, one), (_, other) in zip(held.splits(), lazy.splits(), strict=True):
        for x, y in zip((*one.inputs, one.y), (*other.inputs, other.y), strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            np.testing.assert_array_equal(x, y[:])
            np.testing.assert_array_equal(x[::-3], y[np.arange(len(y))[::-3]])
    for known in ("fingerprint", "class_names", "vectorizer", "target_vectorizer", "sources", "references", "log_mel"):
        assert getattr(held, known) == getattr(lazy, known)
    assert {*lazy.notes} - {*held.notes} == {NOTE}
    assert held.scaling.scale == lazy.scaling.scale
    np.testing.assert_allclose(held.scaling.mean, lazy.scaling.mean, rtol=1e-14)
    np.testing.assert_allclose(held.scaling.deviation, lazy.scaling.deviation, rtol=1e-14)
    if held.task != "translation":
        assert rules_for(held).baseline(held) == pytest.approx(rules_for(lazy).baseline(lazy))


@pytest.mark.parametrize("name", ["images in an npz", "a csv, a column to predict"])
def test_a_model_is_trained_to_the_same_weights(tmp_path, monkeypatch, name):
    path, options = SOURCES[name](tmp_path)
    config = tfopt.TrainConfig(arch="mlp", size="tiny", epochs=3)
    held, lazy = (tfopt.train(config, data) for data in both(path, monkeypatch, **options))
    for one, other in zip(held.artifact.model.get_weights(), lazy.artifact.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_teacher_whose_answers_are_too_many_is_asked_about_each_batch(digits, sample, monkeypatch):
    config = tfopt.PruneConfig(sparsity=0.5, epochs=1, teacher="self")
    held = tfopt.prune(sample, config, digits).artifact.model.get_weights()
    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 1000)
    monkeypatch.setattr("tfopt.training.fit.blended_targets", None)
    lazy = tfopt.prune(sample, config, digits).artifact.model.get_weights()
    for one, other in zip(held, lazy, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.fixture
def nothing_held(monkeypatch):
    monkeypatch.setattr(lazy_arrays, "MOST_HELD", 0)


def damaged(path, at):
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    return DataConfig(source=str(path))


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_value_that_was_damaged_is_noticed_by_the_checksum(tmp_path, save):
    path = npz(tmp_path / "d.npz", save, x=IMAGES, y=LABELS)
    load(DataConfig(source=str(path)))
    with pytest.raises(InputError, match=r"d\.npz is no \.npz file or is damaged"):
        load(damaged(path, 3000))


@pytest.mark.usefixtures("nothing_held")
def test_a_member_that_holds_less_than_its_header_promises_is_refused(tmp_path):
    npz(tmp_path / "whole.npz", x=IMAGES, y=LABELS)
    with zipfile.ZipFile(tmp_path / "whole.npz") as whole, zipfile.ZipFile(tmp_path / "d.npz", "w") as cut:
        cut.writestr("x.npy", whole.read("x.npy")[:-1])
        cut.writestr("y.npy", whole.read("y.npy"))
    with pytest.raises(InputError, match=r"is damaged: member x\.npy holds 10,799 bytes of the 10,800 that"):
        load(DataConfig(source=str(tmp_path / "d.npz")))


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(tmp_path, value):
    x = NUMBERS.copy()
    x[-1, -1] = value
    with pytest.raises(InputError, match="x_train has values that are NaN or infinite"):
        load(DataConfig(source=str(npz(tmp_path / "d.npz", x=x, y=LABELS))))
    for path in (tmp_path / "d.csv", tmp_path / "d.parquet"):
        table(path, {**COLUMNS, "x6": x[:, -1]})
        with pytest.raises(InputError, match=r"no value|no number") as error:
            load(DataConfig(source=str(path)))
        assert str(error.value).endswith(f"in {'line 121' if path.suffix == '.csv' else 'row 120'}, column x6")


@pytest.mark.usefixtures("nothing_held")
def test_a_disk_that_is_full_is_one_sentence_that_names_the_way_out(tmp_path, monkeypatch):
    def full(folder, size):
        raise OutputError(f"cannot write {size:,} bytes into {folder}: No space left on device")

    monkeypatch.setattr(row_files, "check_free_space", full)
    path = npz(tmp_path / "d.npz", np.savez_compressed, x=IMAGES, y=LABELS)
    with pytest.raises(OutputError, match=r"10,800 bytes .* No space left on device; .* TMPDIR names another folder"):
        load(DataConfig(source=str(path)))


@pytest.mark.usefixtures("nothing_held")
def test_a_file_that_is_changed_while_a_model_trains_is_noticed(tmp_path):
    path = npz(tmp_path / "d.npz", x=IMAGES, y=LABELS)
    data = load(DataConfig(source=str(path)))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"d\.npz was changed while it was read: start again"):
        tfopt.train(tfopt.TrainConfig(arch="mlp", size="tiny", epochs=1), data)


@pytest.mark.usefixtures("nothing_held")
def test_a_file_that_was_replaced_or_removed_is_read_to_its_end(tmp_path):
    path = npz(tmp_path / "d.npz", x=IMAGES, y=LABELS)
    data = load(DataConfig(source=str(path)))
    before = data.train.x[:]
    path.unlink()
    np.testing.assert_array_equal(data.train.x[:], before)


@pytest.mark.usefixtures("nothing_held")
def test_nothing_is_left_on_the_disk(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    data = load(DataConfig(source=str(table(tmp_path / "d.csv", COLUMNS))))
    assert isinstance(data.train.x, LazyArray)
    assert list(scratch.iterdir()) == []


def test_words_among_numbers_are_named_where_a_table_is_too_large_to_be_held_as_text(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "MOST_TEXTS", 100)
    path = table(tmp_path / "d.csv", {**COLUMNS, "x3": [*map(str, NUMBERS[:-1, 3]), "N/A"]})
    with pytest.raises(InputError, match="has 'N/A', no number, in line 121, column x3"):
        load(DataConfig(source=str(path)))


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of this process from /proc")
@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_memory_does_not_grow_with_the_data(tmp_path, save):
    x = np.zeros((3000, 64, 64, 12), np.uint8)
    path = npz(tmp_path / "d.npz", save, x=x, y=np.arange(len(x)) % 2)
    size = 4 * x.size
    del x
    before, most = resident(), 0
    data = load(DataConfig(source=str(path)))
    batches = training_batches(data.train.inputs, data.train.y, batch_size=16, seed=0, first_epoch=0, epochs=1)
    for batch, _ in batches:
        assert batch.shape[1:] == (64, 64, 12)
        most = max(most, resident() - before)
    assert size > 550e6
    assert most < 200e6
