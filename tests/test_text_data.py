"""Texts to classify: found in tables, split as these say, tokens by a vocabulary of the train split alone."""

import numpy as np
import pytest

from tests.test_tables import config, written
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.synthetic.phrases import make_phrases
from tfopt.errors import InputError

ANIMALS = ("cats purr", "dogs bark", "cows moo")


def texts(rows=60, header="text,label\n"):
    lines = (f"{ANIMALS[i % 3]} {i},{'yes' if i % 3 else 'no'}\n" for i in range(rows))
    return header + "".join(lines)


def parted():
    parts = ["train"] * 30 + ["valid"] * 10 + ["test_2016"] * 10
    return "".join(f"{part}\t{i % 2}\t{ANIMALS[i % 2]} {part}{i}\n" for i, part in enumerate(parts))


def test_columns_are_found_by_name_and_words_become_classes_in_order(tmp_path):
    data = load(config(written(tmp_path / "t.csv", texts())))
    assert (data.kind, data.task, data.class_names) == ("tokens", "classification", ("no", "yes"))
    assert data.train.x.dtype == np.int32
    assert data.vocabulary == data.vectorizer.size
    for text, label in zip(data.vectorizer.texts(data.test.x), data.test.y, strict=True):
        assert label == ("cats" not in text)


def test_columns_can_be_named(tmp_path):
    path = written(tmp_path / "t.csv", texts(header="review,stars\n"))
    assert load(config(path, text="review")).class_names == ("no", "yes")
    with pytest.raises(InputError, match="line 1 may be a header or a row; say with `text` and `label`"):
        load(config(path))
    with pytest.raises(InputError, match=r"no column called label.* say which it is with `label`: text, stars, a"):
        load(
            config(
                written(tmp_path / "u.csv", texts(header="text,stars\n").replace("\n", ",x\n").replace("s,x", "s,a"))
            )
        )
    with pytest.raises(InputError, match="both name the column"):
        load(config(path, text="stars", label="stars"))


def test_columns_called_source_and_target_are_translations_unless_targets_repeat_as_labels_do(tmp_path):
    pairs = "source,target\n" + "".join(f"cats purr {i},Katzen schnurren {i}\n" for i in range(60))
    assert load(config(written(tmp_path / "p.csv", pairs))).task == "translation"
    assert load(config(written(tmp_path / "c.csv", texts(header="source,target\n")))).class_names == ("no", "yes")
    asked = load(config(written(tmp_path / "a.csv", texts(header="source,target\n")), task="translation"))
    assert asked.task == "translation"


def test_without_a_header_the_column_with_fewer_values_is_the_label_and_that_is_said(tmp_path):
    data = load(config(written(tmp_path / "t.csv", texts(header=""))))
    assert data.class_names == ("no", "yes")
    assert any("column 2 with 2 values is taken as the label" in note for note in data.notes)


def test_a_column_of_splits_is_kept_to_and_only_train_words_are_known(tmp_path):
    data = load(config(written(tmp_path / "t.tsv", parted())))
    sizes = {name: len(split) for name, split in data.splits()}
    assert sizes == {"train": 27, "validation": 10, "calibration": 3, "test": 10}
    known = data.vectorizer.words.split("\n")
    assert not [word for word in known if word.startswith(("valid", "test"))]
    assert sum(word.startswith("train") for word in known) == 27


def test_a_vocabulary_that_a_model_remembers_is_used_again_and_so_are_its_classes(tmp_path):
    first = load(config(written(tmp_path / "t.csv", texts())))
    other = written(tmp_path / "o.csv", "text,label\n" + "".join(f"cats bark {i},no\ncows,yes\n" for i in range(20)))
    memory = Preprocessor(vectorizer=first.vectorizer, class_names=("yes", "no"))
    again = load(config(other), memory)
    assert again.vectorizer == first.vectorizer
    assert again.class_names == ("yes", "no")
    with pytest.raises(InputError, match="'no' in line 2, which the model does not know: yes, maybe"):
        load(config(other), Preprocessor(class_names=("yes", "maybe")))


def test_words_and_length_limit_the_tokens(tmp_path):
    data = load(config(written(tmp_path / "t.csv", texts()), words=4, length=2))
    assert (data.vocabulary, data.train.x.shape[1]) == (6, 2)


def test_test_texts_that_were_trained_on_are_counted(tmp_path):
    lines = parted().splitlines()
    assert not any("word for word" in note for note in load(config(written(tmp_path / "a.tsv", parted()))).notes)
    repeated = [line.replace("train\t", "test\t", 1) for line in lines[:10]]
    data = load(config(written(tmp_path / "b.tsv", "\n".join([*lines[:40], *repeated]))))
    [note] = [note for note in data.notes if "word for word" in note]
    count, rest = note.split(" of ")
    assert rest == "10 test texts are in the train split too, word for word"
    assert 7 <= int(count) <= 10  # 3 of the 30 rows are calibrated on


def test_rows_without_a_text_are_left_out_and_that_is_said(tmp_path):
    data = load(config(written(tmp_path / "t.csv", texts() + " ,yes\n,no\n")))
    assert sum(len(split) for _, split in data.splits()) == 60
    assert any("2 rows without a text were left out, the first in line 62" in note for note in data.notes)


def test_phrases_cannot_be_told_apart_by_a_word_alone_but_mostly_by_their_rule():
    raw = make_phrases()
    assert len(set(raw.x)) == 3000
    share = max(
        max(hits.mean(), 1 - hits.mean())
        for word in ("good", "bad", "not", "but")
        for hits in [raw.y[[word in text.split() for text in raw.x]]]
    )
    assert share < 0.8
    np.testing.assert_array_equal(make_phrases().x, raw.x)


def test_a_model_of_phrases_learns_and_is_better_than_the_baseline(tmp_path):
    import tfopt
    from tfopt.tasks.registry import rules_of

    data = load(DataConfig(source="phrases"))
    result = tfopt.train(tfopt.TrainConfig(arch="cnn", epochs=6, learning_rate=0.005), data)
    method, value = rules_of(data.task).baseline(data)
    assert method.startswith("always ")
    assert value + 0.15 < result.report.measurements[0].accuracy.value < 0.98
    assert result.report.data.baseline.value == value


def test_texts_with_amounts_are_regression(tmp_path):
    rows = [f"text number {i},{i / 7:.3f}" for i in range(60)]
    data = load(config(written(tmp_path / "r.csv", "\n".join(["text,stars", *rows]) + "\n"), label="stars"))
    assert (data.task, data.kind, data.train.y.shape[1:]) == ("regression", "tokens", (1,))


def test_a_class_keeps_its_index_in_a_table_that_lacks_another(tmp_path):
    whole = load(config(written(tmp_path / "a.csv", _labelled(range(4)))))
    memory = Preprocessor(class_names=whole.class_names, vectorizer=whole.vectorizer)
    part = load(config(written(tmp_path / "b.csv", _labelled((0, 1, 3)))), memory)
    assert whole.class_names == ("0", "1", "2", "3")
    assert set(np.unique(part.train.y)) == {0, 1, 3}


def _labelled(classes):
    return "text,label\n" + "".join(f"this is text {i},{label}\n" for i in range(20) for label in classes)
