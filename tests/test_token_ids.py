"""Ids of words are told from amounts, and texts whose words do not repeat are read letter by letter."""

import numpy as np
import pytest

from tests.conftest import SAMPLES
from tests.test_tables import config, written
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.token_ids import look_like_ids
from tfopt.data.vectorizer import Vectorizer
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.runtime.progress import Silent
from tfopt.tasks.registry import rules_of
from tfopt.training.config import TrainConfig
from tfopt.training.train import train

SMS = SAMPLES.parents[1] / "shared" / "data" / "sms_tok5000_len100.npz"


def ids(rows=400, length=24):
    """Texts of ids as frequent as words are, each with 0 after its end; id 77 says the class."""
    rng = np.random.default_rng(0)
    x = rng.zipf(1.3, (rows, length)) % 3000 + 1
    y = np.arange(rows) % 2
    x[y == 1, 2] = 77
    x[np.arange(length) >= rng.integers(8, length, rows)[:, None]] = 0
    return x.astype(np.uint16), y


def test_rows_of_ids_are_tokens_and_that_is_said(tmp_path):
    x, y = ids()
    np.savez(tmp_path / "r.npz", x=x, y=y)
    data = load(config(tmp_path / "r.npz"))
    assert (data.kind, data.vocabulary, data.train.x.dtype) == ("tokens", x.max() + 1, np.int32)
    assert any("taken as token ids" in note for note in data.notes)
    assert data.config.tokens  # remembered by a model, so that other data are read so, too
    amounts = load(config(tmp_path / "r.npz", tokens=False))
    assert amounts.kind == "features"


def test_ids_that_do_not_look_so_can_be_declared_and_what_cannot_be_ids_is_refused(tmp_path):
    np.savez(tmp_path / "few.npz", x=np.arange(360).reshape(60, 6) % 7, y=np.arange(60) % 2)
    assert load(config(tmp_path / "few.npz")).kind == "features"
    data = load(config(tmp_path / "few.npz", tokens=True))
    assert (data.kind, data.vocabulary) == ("tokens", 7)
    np.savez(tmp_path / "half.npz", x=np.full((60, 6), 0.5), y=np.arange(60) % 2)
    with pytest.raises(InputError, match="`tokens` are rows of whole numbers"):
        load(config(tmp_path / "half.npz", tokens=True))


def test_sounds_pixels_and_columns_of_different_sizes_are_amounts():
    rng = np.random.default_rng(0)
    wave = (2000 + 1000 * np.sin(np.arange(40) / 6 + rng.random((300, 1)) * 6)).astype(int)
    sizes = (rng.random((300, 12)) * 10.0 ** np.arange(12).clip(0, 5)).astype(int)
    assert not look_like_ids(wave)
    assert not look_like_ids(sizes)
    assert not look_like_ids(rng.integers(0, 256, (300, 64), np.uint8))
    assert not look_like_ids(rng.normal(size=(300, 20)) * 1000)
    assert look_like_ids(ids()[0])


def codes(rows=600):
    """Product codes, each a word of its own: those of class 1 have a Q among their letters."""
    rng = np.random.default_rng(0)
    found = ["".join(rng.choice(list("ABCDEFGH"), 6)) + f"-{i}" for i in range(rows)]
    marked = [f"{code[:2]}Q{code[3:]}" if i % 2 else code for i, code in enumerate(found)]
    return "text,label\n" + "".join(f"{code},{i % 2}\n" for i, code in enumerate(marked))


def test_words_that_do_not_repeat_are_read_letter_by_letter_and_learnt_from(tmp_path):
    data = load(config(written(tmp_path / "codes.csv", codes())))
    assert data.vectorizer.characters
    assert any("letter by letter" in note for note in data.notes)
    assert data.vectorizer.texts(data.vectorizer(["ABQ-1"])) == ["abq-1"]
    trained = train(TrainConfig(arch="cnn", size="tiny", epochs=8), data, Silent())
    assert (
        Evaluator.on(data, "validation").score(trained.model).mean()
        > 0.95
        > rules_of(data.task).baseline(data)[1] + 0.3
    )


def endings(rows=600):
    """Names of two words that all occur often, whose class is in the last letter of the second."""
    rng = np.random.default_rng(0)
    stems = ["".join(rng.choice(list("bdfgklmnprst"), 2)) + letter for letter in "aeiou" for _ in range(60)]
    names = [f"{rng.choice(['mr', 'ms', 'dr'])} {rng.choice(stems)}{'n' if i % 2 else 's'}" for i in range(rows)]
    return "text,label\n" + "".join(f"{name},{i % 2}\n" for i, name in enumerate(names))


def test_short_texts_are_read_as_the_validation_split_has_it(tmp_path):
    data = load(config(written(tmp_path / "names.csv", endings())))
    assert data.vectorizer.characters
    [told] = [note for note in data.notes if "letter by letter" in note]
    assert "a linear model by letters has 100.0% of" in told
    words = "text,label\n" + "".join(f"{'good' if i % 2 else 'bad'} room {i % 7},{i % 2}\n" for i in range(300))
    assert not load(config(written(tmp_path / "words.csv", words))).vectorizer.characters


def test_how_many_words_of_validation_texts_are_not_known_is_said_if_they_are_many(tmp_path):
    names = "text,label\n" + "".join(f"brand{i % 3} best model{i},{i % 2}\n" for i in range(120))
    data = load(config(written(tmp_path / "names.csv", names)))
    assert not data.vectorizer.characters
    assert any(
        "33% of the words of the validation texts are not in the vocabulary of the train split" in note
        and "`characters` reads letter by letter" in note
        for note in data.notes
    )
    [known] = [note for note in load(data.config, Preprocessor(vectorizer=data.vectorizer)).notes if "33%" in note]
    assert known.endswith("in the vocabulary of the train split")  # a model that is there reads as it has learnt to
    assert not any("not in the vocabulary" in note for note in load(DataConfig(source="phrases")).notes)


def test_words_or_letters_can_be_asked_for_and_a_model_keeps_to_what_it_learnt(tmp_path):
    path = written(tmp_path / "codes.csv", codes(60))
    assert not load(config(path, characters=False)).vectorizer.characters
    phrases = load(DataConfig(source="phrases"))
    assert not phrases.vectorizer.characters
    letters = load(DataConfig(source="phrases", characters=True))
    assert letters.vectorizer.characters
    assert load(config(path), Preprocessor(vectorizer=phrases.vectorizer)).vectorizer == phrases.vectorizer
    again = Vectorizer.model_validate_json(letters.vectorizer.model_dump_json())
    np.testing.assert_array_equal(again(["a b"]), letters.vectorizer(["a b"]))


def test_the_command_line_declares_both(tfopt, tmp_path):
    x, y = ids(60)
    np.savez(tmp_path / "r.npz", x=x, y=y)
    assert tfopt("build", "--data", "r.npz", "--amounts", "-q").code == 0
    assert tfopt("build", "--data", "r.npz", "--tokens", "--force", "-q").code == 0
    wrong = tfopt("build", "--data", "r.npz", "--characters", "--amounts", "--force")
    assert (wrong.code, "--characters is for tokens" in wrong.err) == (2, True)


@pytest.mark.slow
@pytest.mark.skipif(not SMS.exists(), reason="the messages are not here")
def test_real_messages_as_ids_are_learnt():
    data = load(DataConfig(source=str(SMS)))
    trained = train(TrainConfig(epochs=3), data, Silent())
    assert Evaluator.on(data, "test").score(trained.model).mean() > 0.95


def test_unknown_marks_are_told_as_they_are_and_a_letter_without_a_sign_is_none():
    assert Vectorizer(words="a\nb", length=4, characters=True).unknown(["ab#?!"]) == [["#", "?", "!"]]
    assert Vectorizer(words="[start]\n[end]\nred", length=4, marked=True).unknown(["red?"]) == [["?"]]
    assert Vectorizer.fit(["a\0b", "b"], 10, None, characters=True).words == "b\na"
