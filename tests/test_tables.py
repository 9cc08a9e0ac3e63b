"""Tables are read as they are meant, and what is wrong with one is named with its line."""

import gzip
import tracemalloc

import numpy as np
import pytest

from tfopt.data import arrow_columns
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.table_files import read_table
from tfopt.errors import InputError


def written(path, text, encoding="utf-8"):
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def numbers(rows=60, label=lambda i: f"k{i % 3}"):
    return "width,height,label\n" + "".join(f"{i},{i * i % 7},{label(i)}\n" for i in range(rows))


def config(path, **options):
    return DataConfig(source=str(path), **options)


def test_numbers_with_a_label_are_features_standardized_by_the_train_split(tmp_path):
    data = load(config(written(tmp_path / "t.csv", numbers())))
    assert (data.kind, data.task, data.columns, data.class_names) == (
        "features", "classification", ("width", "height"), ("k0", "k1", "k2"),
    )  # fmt: skip
    np.testing.assert_allclose(data.train.x.mean(axis=0), 0, atol=1e-5)
    assert sum(len(split) for _, split in data.splits()) == 60


def test_labels_that_are_amounts_are_predicted_as_numbers_and_that_can_be_asked_for(tmp_path):
    amounts = load(config(written(tmp_path / "a.csv", numbers(label=lambda i: i * 1.5))))
    assert (amounts.task, amounts.train.y.shape[1:]) == ("regression", (1,))
    halves = amounts.targets.inverse(amounts.test.y) / 1.5
    np.testing.assert_allclose(halves, halves.round(), atol=1e-3)
    whole = written(tmp_path / "w.csv", numbers(label=lambda i: i % 3))
    assert load(config(whole)).task == "classification"
    assert load(config(whole, task="regression")).task == "regression"


def test_classes_that_do_not_count_from_0_keep_their_names(tmp_path):
    data = load(config(written(tmp_path / "t.csv", numbers(label=lambda i: (-1, 10, 9)[i % 3]))))
    assert data.class_names == ("-1", "9", "10")
    assert set(data.train.y) == {0, 1, 2}


def test_another_label_column_can_be_named_and_a_misspelt_one_gets_a_suggestion(tmp_path):
    path = written(tmp_path / "t.csv", numbers().replace("label", "species"))
    assert load(config(path, label="species")).num_classes == 3
    with pytest.raises(InputError, match="no column specie for `label`: did you mean species"):
        load(config(path, label="specie"))
    with pytest.raises(InputError, match="say which it is with `label`: width, height, species"):
        load(config(path))


def test_gzip_a_byte_order_mark_quotes_and_blank_lines_are_read_through(tmp_path):
    table = read_table(written(tmp_path / "t.csv.gz", '\ufefftext,label\n"a, b\nc",1\n\nd,0\n'))
    assert table.columns["text"].tolist() == ["a, b\nc", "d"]
    assert table.columns["label"].tolist() == ["1", "0"]
    assert [table.place(row) for row in range(2)] == ["line 3", "line 5"]


def test_quotes_in_tab_separated_text_are_characters_unless_there_is_a_tab_between_them(tmp_path):
    table = read_table(written(tmp_path / "t.tsv", 'ham\t"so she said\nspam\t"a\tb"\nham\tok\n'))
    assert table.columns["2"].tolist() == ['"so she said', "a\tb", "ok"]


def test_lines_may_end_as_on_old_macs(tmp_path):
    table = read_table(written(tmp_path / "t.csv", 'text,label\r"a\rb",1\rc,0\r'))
    assert table.columns["text"].tolist() == ["a\rb", "c"]


@pytest.mark.slow
def test_a_cell_takes_a_few_bytes(tmp_path):
    path = written(tmp_path / "t.csv", "width,height,label\n" + "".join(f"{i},{i * 3},1\n" for i in range(500_000)))
    tracemalloc.start()
    read_table(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_500_000 * 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("text,label\n", "has a header but no rows"),
        ("text,label\na,1\nb\n", "has 1 columns in line 3, but 2 in line 1"),
        ("text,text\na,b\n", "two columns of the same name"),
        ('text,label\n"a,1\n', "no table of comma-separated values"),
        ("text,label\na\0,1\n", "is no text file"),
        (numbers().replace("\n5,4,", "\nnan,4,"), "has no value in line 7, column width"),
        (numbers().replace("\n5,4,", "\n5,four,"), "has 'four', no number in line 7, column height"),
        (numbers().replace("\n5,4,k2", "\n5,4,"), "has no label in line 7, column label"),
        (numbers(label=lambda i: "k"), "one class only"),
        (numbers(rows=6), "at least 10"),
        (numbers().replace("\n0,0,", "\n0,inf,"), "no number in line 2, column height"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_sentence(tmp_path, text, words):
    path = written(tmp_path / "t.csv", text)
    with pytest.raises(InputError, match=words) as error:
        load(config(path))
    assert "\n" not in str(error.value)


def test_weights_of_samples_are_refused_by_name_as_every_sample_counts_the_same(tmp_path):
    weighed = written(tmp_path / "t.csv", numbers().replace("width", "Sample_Weight"))
    with pytest.raises(
        InputError, match=r"t\.csv has Sample_Weight, but each sample counts the same here: leave it out"
    ):
        load(config(weighed))
    np.savez(tmp_path / "d.npz", x=np.zeros((60, 2)), y=np.arange(60) % 2, sample_weights=np.ones(60))
    with pytest.raises(InputError, match=r"d\.npz has sample_weights, but each sample counts the same here"):
        load(config(tmp_path / "d.npz"))


def test_only_texts_are_held_and_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(arrow_columns, "MOST_TEXTS", 100)
    path = written(tmp_path / "t.csv", numbers())
    assert load(config(path)).kind == "features"
    with pytest.raises(InputError, match="has more than 100 cells of text, which is too much to hold"):
        read_table(path, texts=("width",))


def test_another_encoding_and_a_damaged_gzip_file_are_told(tmp_path):
    with pytest.raises(InputError, match="is not in UTF-8: line 2"):
        load(config(written(tmp_path / "t.csv", "text,label\nschön,1\n", "latin-1")))
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"text,label\n" * 100)[:-20])
    with pytest.raises(InputError, match="is no gzip file or is damaged"):
        load(config(tmp_path / "t.csv.gz"))
    with pytest.raises(InputError, match="does not exist"):
        load(config(tmp_path / "none.csv"))
    (tmp_path / "t.txt").write_text("a")
    with pytest.raises(InputError, match="no data that can be read"):
        load(config(tmp_path / "t.txt"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"words": 5}, "`words` is for tokens and pairs, but the samples of .* are features"),
        ({"task": "translation"}, "say with `source_text` and `target_text`"),
        ({"image_size": 5}, "`image_size` is for image"),
    ],
)
def test_an_option_that_says_nothing_of_the_data_is_refused(tmp_path, options, words):
    path = written(tmp_path / "t.csv", numbers())
    with pytest.raises(InputError, match=words):
        load(config(path, **options))


def test_arrays_that_are_not_split_are_split(tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(100) % 2, columns=["a", "b", "c", "d", "y"])
    data = load(config(tmp_path / "d.npz"))
    assert (len(data.test), data.columns) == (20, ("a", "b", "c", "d"))
    np.savez(tmp_path / "e.npz", x=x, y=np.arange(100) * 7.0)
    assert load(config(tmp_path / "e.npz")).task == "regression"


def test_labels_of_arrays_that_are_no_integers_are_no_classes_even_if_asked_for(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((60, 2)), y=np.linspace(0, 1, 60))
    assert load(config(tmp_path / "d.npz")).task == "regression"
    with pytest.raises(InputError, match="no class indices"):
        load(config(tmp_path / "d.npz", task="classification"))


def test_a_known_name_is_not_taken_for_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert load(DataConfig()).kind == "image"


def test_diabetes_is_a_regression():
    data = load(DataConfig(source="diabetes"))
    assert (data.task, data.train.x.shape[1:], data.num_classes) == ("regression", (10,), 0)
