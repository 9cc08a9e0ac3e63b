"""Translations: source and target tokens, the target shifted by one, and texts kept for BLEU."""

import numpy as np
import pytest

from tests.test_tables import config, written
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.synthetic.number_words import spell_english, spell_german
from tfopt.data.vectorizer import END, START
from tfopt.errors import InputError
from tfopt.evaluation.bleu import copied


def pairs(rows=60, header="source\ttarget\n"):
    return header + "".join(f"Word {i}, please.\tWort {i}, bitte.\n" for i in range(rows))


def test_targets_are_the_answers_shifted_by_one(tmp_path):
    data = load(config(written(tmp_path / "p.tsv", pairs()), task="translation"))
    source, target = data.train.inputs
    assert (data.kind, data.task, source.dtype) == ("pairs", "translation", np.int32)
    np.testing.assert_array_equal(target[:, 1:], data.train.y[:, :-1])
    assert set(target[:, 0]) == {START}
    assert (data.train.y == END).any(axis=1).all()
    assert data.target_vectorizer.length == target.shape[1] + 1


def test_references_are_the_texts_of_the_test_split_as_they_stood(tmp_path):
    data = load(config(written(tmp_path / "p.tsv", pairs()), task="translation"))
    assert len(data.references) == len(data.sources) == len(data.test) == 12
    for source, reference in zip(data.sources, data.references, strict=True):
        assert reference == source.replace("Word", "Wort").replace("please", "bitte")


def test_columns_can_be_named_and_naming_them_asks_for_a_translation(tmp_path):
    path = written(tmp_path / "p.tsv", pairs(header="en\tde\n").replace("en\tde", "note\tde").replace("note", "en"))
    data = load(config(path, source_text="en", target_text="de"))
    assert data.references[0].startswith("Wort")
    swapped = load(config(path, source_text="de", target_text="en"))
    assert swapped.references[0].startswith("Word")
    with pytest.raises(InputError, match="no column fr for `target_text`"):
        load(config(path, source_text="en", target_text="fr"))


def test_without_a_header_a_column_of_splits_and_two_of_texts_are_enough(tmp_path):
    lines = pairs(header="").splitlines()
    parts = ["train"] * 40 + ["val"] * 10 + ["test"] * 10
    text = "\n".join(f"{part}\t{line}" for part, line in zip(parts, lines, strict=True))
    data = load(config(written(tmp_path / "p.tsv", text), task="translation"))
    assert data.references == tuple(f"Wort {i}, bitte." for i in range(50, 60))
    assert any("column 2 is taken as the text to translate" in note for note in data.notes)


def test_length_and_words_hold_for_both_sides(tmp_path):
    data = load(config(written(tmp_path / "p.tsv", pairs()), task="translation", length=4, words=6))
    assert [x.shape[1] for x in data.train.inputs] == [4, 4]
    assert data.vocabulary <= 6 + 2 + 2  # padding and unknown, and the two marks


@pytest.mark.parametrize(
    ("number", "words", "pieces"),
    [
        (0, "zero", "null"),
        (234, "two hundred and thirty four", "zwei hundert vier und dreißig"),
        (1021, "one thousand and twenty one", "ein tausend ein und zwanzig"),
        (1101, "one thousand one hundred and one", "ein tausend ein hundert eins"),
        (9012, "nine thousand and twelve", "neun tausend zwölf"),
    ],
)
def test_number_words_are_those_of_both_languages(number, words, pieces):
    assert (spell_english(number), spell_german(number)) == (words, pieces)


def test_numbers_share_none_between_train_and_test_and_copying_translates_nothing():
    data = load(DataConfig(source="numbers"))
    train = set(data.vectorizer.texts(data.train.inputs[0]))
    assert not train & set(data.sources)
    assert copied(data) < 5
