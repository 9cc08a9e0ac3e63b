"""Parquet files are tables as csv files are, with types; what is damaged or no table is one sentence."""

import csv
import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import tfopt as library
from tests.test_tables import config
from tfopt.data.loader import load
from tfopt.data.table_files import read_table
from tfopt.errors import InputError

TIMES = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=hour) for hour in range(400)]


def stored(path, columns, **options):
    parquet.write_table(pa.table(columns), path, **options)
    return path


def as_csv(path, columns):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


def numbers(rows=120):
    values = np.random.default_rng(0).normal(size=(rows, 3)) * [1, 1e3, 1e-3]
    parts = ["train"] * (rows // 2) + ["valid"] * (rows // 4) + ["test"] * (rows // 4)
    columns = {f"x{i}": values[:, i].tolist() for i in range(3)}
    return columns | {"part": parts, "label": (values[:, 0] > 0).astype(int).tolist()}


def facts(data):
    """All that two data sets must have in common."""
    return data.fingerprint, data.columns, data.class_names, data.notes, data.task


def arrays(data):
    """The samples and labels of all splits, as bytes with their types and shapes."""
    every = [array for _, split in data.splits() for array in (*split.inputs, split.y)]
    return [(array.dtype, array.shape, np.asarray(array).tobytes()) for array in every]


def texts(rows=60):
    words = ["cats purr", 'dogs, "bark"', "cows\nmoo"]
    return {"id": list(range(rows)), "review": [f"{words[i % 3]} {i}" for i in range(rows)], "kind": ["a", "b"] * 30}


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        (numbers(), {}),
        (numbers() | {"label": np.linspace(0, 1, 120).tolist()}, {}),
        (numbers() | {"label": [7, 10, 9] * 40}, {"label": "label"}),
        (texts(), {"text": "review", "label": "kind"}),
        (texts(), {"source_text": "id", "target_text": "review"}),
        ({"date": TIMES, "load": np.sin(range(400)).tolist(), "heat": list(range(400))}, {"horizon": 4, "window": 8}),
        ({"date": TIMES, "load": np.sin(range(400)).tolist()}, {"horizon": 4, "window": 8, "target": "load"}),
    ],
)
def test_the_same_table_gives_the_same_samples_from_csv_and_from_parquet(tmp_path, columns, options):
    one = load(config(as_csv(tmp_path / "t.csv", columns), **options))
    again = load(config(stored(tmp_path / "t.parquet", columns), **options))
    grouped = load(config(stored(tmp_path / "g.parquet", columns, row_group_size=7), **options))
    assert facts(one) == facts(again) == facts(grouped)
    assert arrays(one) == arrays(again) == arrays(grouped)


def test_the_same_table_gives_the_same_model(tmp_path):
    paths = as_csv(tmp_path / "t.csv", numbers()), stored(tmp_path / "t.parquet", numbers())
    training = library.TrainConfig(arch="mlp", size="tiny", epochs=2)
    one, other = (library.train(training, config(path)).artifact.model.get_weights() for path in paths)
    assert one
    for weight, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(weight, again)


def test_columns_of_any_plain_type_are_taken(tmp_path):
    day = datetime.datetime(2024, 1, 1, 5, 6)
    columns = {
        "whole": pa.array([1, None, 2**60]),
        "unsigned": pa.array([1, 2, 2**63], pa.uint64()),
        "half": pa.array(np.array([1, 2, 3], np.float16)),
        "exact": pa.array([decimal.Decimal("1.50")] * 3),
        "yes": pa.array([True, False, None]),
        "coded": pa.array(["a", None, "b"]).dictionary_encode(),
        "long": pa.array(["a", None, ""], pa.large_string()),
        "empty": pa.nulls(3),
        "day": pa.array([day.date()] * 3),
        "seconds": pa.array([day, None, day], pa.timestamp("ns")),
        "millis": pa.array([day, day, day.replace(microsecond=1000)], pa.timestamp("us")),
        "zone": pa.array([day] * 3, pa.timestamp("s", "Europe/Berlin")),
    }
    table = read_table(stored(tmp_path / "t.parquet", columns))
    np.testing.assert_array_equal(table.columns["whole"], np.array([1, np.nan, 2**60], np.float32))
    assert table.texts("whole").tolist() == ["1", "", str(2**60)]
    assert table.texts("yes").tolist() == ["True", "False", ""]
    assert table.columns["yes"].tolist()[:2] == [1, 0]
    assert table.texts("half").tolist() == ["1.0", "2.0", "3.0"]
    assert table.columns["exact"].tolist() == [1.5] * 3
    assert [table.texts(name).tolist() for name in ("coded", "long", "empty")] == [
        ["a", "", "b"],
        ["a", "", ""],
        [""] * 3,
    ]
    assert table.texts("day")[0] == "2024-01-01"
    assert table.texts("seconds").tolist() == ["2024-01-01 05:06:00", "", "2024-01-01 05:06:00"]
    assert table.texts("millis")[2] == "2024-01-01 05:06:00.001"
    assert table.texts("zone")[0] == "2024-01-01 05:06:00"
    assert table.date_column() == "day"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x1": [[1.0]] * 120}, "has the type list<.*> in column x1; a column of a table holds a number, a text"),
        ({"x1": [{"a": 1}] * 120}, "has the type struct<a: int64> in column x1"),
        ({"x1": [b"a"] * 120}, "has the type binary in column x1"),
        ({"x1": [None, *[1.0] * 119]}, "has no value in row 1, column x1"),
        ({"x1": [1, None, *[1] * 118]}, "has no value in row 2, column x1"),
        ({"x1": [1.0, float("inf"), *[1.0] * 118]}, "has 'inf', no number in row 2, column x1"),
        ({"x1": [1e300] * 120}, "has '1e.300', no number in row 1, column x1"),
        ({"x1": ["a"] * 120}, r"has words in column x1 \('a'\)"),
        ({"label": [1, None] * 60}, "has no label in row 2, column label"),
    ],
)
def test_values_that_are_no_samples_are_named_with_their_row_and_column(tmp_path, changes, words):
    path = stored(tmp_path / "t.parquet", numbers() | changes)
    with pytest.raises(InputError, match=words):
        load(config(path))


def test_a_damaged_file_is_one_sentence(tfopt, tmp_path):
    whole = stored(tmp_path / "t.parquet", numbers()).read_bytes()
    summed = stored(tmp_path / "t.parquet", numbers(), write_page_checksum=True).read_bytes()
    changed = summed[:60] + bytes(20) + summed[80:]
    for content in (b"", b"PAR1", whole[:-20], whole[: len(whole) // 2], changed, b"a,b\n1,2\n"):
        (tmp_path / "d.parquet").write_bytes(content)
        ended = tfopt("train", "--data", "d.parquet")
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), ended.err
        assert "d.parquet is no .parquet file or is damaged" in ended.err
    (tmp_path / "d.parquet").unlink()
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(InputError, match="holds no folder of images"):
        load(config(tmp_path / "d.parquet"))
    with pytest.raises(InputError, match="has no rows"):
        load(config(stored(tmp_path / "e.parquet", {"a": [], "label": []})))


def test_a_file_that_swells_is_refused(tmp_path):
    path = stored(tmp_path / "t.parquet", {"a": np.zeros(4 * 10**7, np.float32), "label": np.zeros(4 * 10**7, bool)})
    with pytest.raises(InputError, match="would swell"):
        load(config(path))
    path = stored(tmp_path / "u.parquet", {"text": pa.array(["a" * 10**6] * 1000).dictionary_encode()})
    with pytest.raises(InputError, match="would swell"):
        load(config(path, text="text", label="text"))


def test_predictions_are_of_parquet_files_too(tfopt, tmp_path):
    stored(tmp_path / "t.parquet", numbers())
    as_csv(tmp_path / "t.csv", numbers())
    assert tfopt("train", "--data", "t.parquet", "--arch", "mlp", "--size", "tiny", "--epochs", 1).code == 0
    answers = [tfopt("predict", "model.keras", "--file", name, "--json") for name in ("t.parquet", "t.csv")]
    assert len(answers[0].report["predictions"]) == 120
    assert answers[0].report["predictions"] == answers[1].report["predictions"]
