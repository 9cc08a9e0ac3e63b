"""`tfopt predict --file`: the column, array or images meant for a model are found, and a forecast has times."""

import numpy as np
import pytest

from tests.test_image_folders import image
from tests.test_predict import TEXTS, last_values, phrases  # noqa: F401  # fixtures
from tests.test_tables import written
from tfopt.errors import InputError
from tfopt.evaluation.prediction_inputs import next_times, read_file
from tfopt.formats.provenance import Provenance


@pytest.fixture
def texts(phrases, tmp_path):  # noqa: F811  # the fixture
    phrases.save(tmp_path / "p.keras")
    return "p.keras"


@pytest.mark.parametrize(
    "table",
    [
        "id,text\n7,{}\n8,{}\n",
        "id,review,label\n7,{},praise\n8,{},blame\n",
        "review\n{}\n{}\n",
        "{},7\n{},8\n",
    ],
)
def test_the_texts_of_a_table_are_answered_not_its_header_ids_or_labels(tfopt, texts, tmp_path, table):
    written(tmp_path / "t.csv", table.format(*TEXTS))
    options = ("--column", "review") if table.startswith("review") else ()
    ended = tfopt("predict", texts, "--file", "t.csv", *options, "--json")
    assert ended.code == 0, ended.err
    assert [(one["input"], one["answer"]) for one in ended.report["predictions"]] == [
        (TEXTS[0], "praise"),
        (TEXTS[1], "blame"),
    ]


def test_a_table_with_two_columns_of_texts_is_asked_about(tfopt, texts, tmp_path):
    written(tmp_path / "t.csv", "id,title,review\n" + "".join(f"{i},hm,{text}\n" for i, text in enumerate(TEXTS)))
    ended = tfopt("predict", texts, "--file", "t.csv")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "say it with --column: id, title, review" in ended.err
    named = tfopt("predict", texts, "--file", "t.csv", "--column", "review", "--json")
    assert [one["answer"] for one in named.report["predictions"]] == ["praise", "blame"]


def test_words_that_the_model_does_not_know_are_said(tfopt, texts):
    ended = tfopt("predict", texts, "staff was friendly", "the blorp, is dirty!", "--json")
    assert [one["unknown"] for one in ended.report["predictions"]] == [[], ["blorp"]]
    assert "note: words that the model does not know: blorp" in tfopt("predict", texts, "a blorp is friendly").out


def test_a_forecast_has_its_times_and_columns_whole(tfopt, last_values, tmp_path):  # noqa: F811
    last_values.save(tmp_path / "w.keras")
    rows = "".join(f"2024-01-31 {hour}:00,3,1,{hour}\n" for hour in range(14, 24))
    written(tmp_path / "s.csv", "date,flow,load,heat\n" + rows)
    ended = tfopt("predict", "w.keras", "--file", "s.csv", "--json")
    assert ended.report["columns"] == list(last_values.provenance.columns)
    [one] = ended.report["predictions"]
    assert one["times"] == ["2024-02-01 00:00", "2024-02-01 01:00", "2024-02-01 02:00"]
    shown = tfopt("predict", "w.keras", "--file", "s.csv").out
    assert all(word in shown for word in ("2024-02-01 02:00", *last_values.provenance.columns))
    np.savez(tmp_path / "s.npz", values=np.arange(60).reshape(20, 3))
    [one] = tfopt("predict", "w.keras", "--file", "s.npz", "--json").report["predictions"]
    np.testing.assert_allclose(one["answer"][0], [57, 58, 59], atol=1e-3)
    assert one["times"] == ["+1", "+2", "+3"]


def test_a_column_that_is_asked_for_is_taken_or_refused(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 3)), other=np.ones((2, 3)))
    np.save(tmp_path / "d.npy", np.zeros((2, 3)))
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    assert np.all(read_file(tmp_path / "d.npz", Provenance(), "other") == 1)
    with pytest.raises(InputError, match=r"has no array nope: its arrays are x, other"):
        read_file(tmp_path / "d.npz", Provenance(), "nope")
    for name in ("d.npy", "d.csv", "."):
        with pytest.raises(InputError, match=r"`column` is for the texts of a table or an array of an \.npz file"):
            read_file(tmp_path / name, Provenance(), "a")


def test_times_go_on_as_they_are_written():
    assert next_times(["2024-02-27", "2024-02-28"], 2) == ["2024-02-29", "2024-03-01"]
    assert next_times(["2024-01-01T00:45", "2024-01-01T01:00"], 1) == ["2024-01-01T01:15"]
    assert next_times(["monday", "tuesday"], 1) == ["+1"]
    assert next_times(["2024-02-27"], 1) == ["+1"]


def test_folders_patterns_and_arrays_of_images_are_answered(tfopt, sample, digits, tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        image(tmp_path / "photos" / name, 255, (20, 20, 3))
    for given in (("photos",), ("photos/*.png",), ("--file", "photos")):
        report = tfopt("predict", sample, *given, "--json").report
        assert [one["input"] for one in report["predictions"]] == ["photos/a.png", "photos/b.png"]
    np.savez(tmp_path / "d.npz", x_test=digits.test.x[:3] * 16, y_test=digits.test.y[:3])
    assert len(tfopt("predict", sample, "--file", "d.npz", "--json").report["predictions"]) == 3
    (tmp_path / "empty").mkdir()
    for given, words in (
        (("empty",), "holds no image"),
        (("*.gif",), "does not exist; "),
        (("none",), "none does not"),
    ):
        ended = tfopt("predict", sample, *given)
        assert (ended.code, words in ended.err) == (2, True), ended.err
    np.savez(tmp_path / "n.npz", a=np.zeros(3), b=np.zeros(3))
    ended = tfopt("predict", sample, "--file", "n.npz")
    assert (ended.code, "has no array x, x_test, values: its arrays are a, b" in ended.err) == (2, True)


def test_of_many_answers_the_first_are_shown_and_how_many_more_there_are(tfopt, texts, tmp_path):
    written(tmp_path / "t.csv", "text\n" + 600 * f"{TEXTS[0]}\n")
    short, whole, data = (tfopt("predict", texts, "--file", "t.csv", *option) for option in ((), ("-v",), ("--json",)))
    assert short.out.count(TEXTS[0]) == 20
    assert "... 580 more; --json has all, and -v shows them" in short.out
    assert whole.out.count(TEXTS[0]) == len(data.report["predictions"]) == 600
    assert "more;" not in whole.out
