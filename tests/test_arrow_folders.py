"""Folders that Hugging Face `datasets` saved: images, texts, arrays and rows of them, their splits, and damaged ones.

They are written here by pyarrow as `save_to_disk` of datasets 4 does.
"""

import json

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError

CLASSES = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}


def saved(folder, columns, features, shards=1, **state):
    folder.mkdir(parents=True, exist_ok=True)
    table, names = pa.table(columns), [f"data-{i:05}-of-{shards:05}.arrow" for i in range(shards)]
    for i, name in enumerate(names):
        part = table.slice(i * len(table) // shards, len(table) // shards)
        with pa.ipc.new_stream(str(folder / name), table.schema) as stream:
            stream.write_table(part)
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    state = {"_data_files": [{"filename": name} for name in names], "_split": None, **state}
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def split(folder, **parts):
    for name, (columns, features) in parts.items():
        saved(folder / name, columns, features)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(parts)}))
    return folder


def images(rows):
    shots = [{"bytes": tf.io.encode_png(np.full((5, 4, 3), 200 * (r % 2), "u1")).numpy(), "path": None} for r in rows]
    return {"image": shots, "label": [row % 2 for row in rows]}, CLASSES | {"image": {"_type": "Image"}}


def texts(rows):
    words = [f"{'good' if row % 2 else 'bad'} room {row % 5}" for row in rows]
    return {"text": words, "label": [row % 2 for row in rows]}, CLASSES


def loaded(path, **options):
    return load(DataConfig(source=str(path), **options))


def test_images_have_the_names_of_their_classes_and_their_splits(tmp_path):
    parts = {"train": images(range(20)), "validation": images(range(4)), "test": images(range(6))}
    data = loaded(split(tmp_path / "d", **parts))
    assert (data.kind, data.class_names, data.test.x.shape) == ("image", ("neg", "pos"), (6, 5, 4, 3))
    assert len(data.validation) == 4
    np.testing.assert_array_equal(data.test.y, data.test.x.mean(axis=(1, 2, 3)) > 0.5)
    assert loaded(tmp_path / "d", image_size=7).test.x.shape == (6, 7, 7, 3)


def test_texts_are_texts_and_splits_for_something_else_are_left_out(tmp_path):
    parts = {"train": texts(range(20)), "test": texts(range(6)), "unsupervised": texts(range(9))}
    data = loaded(split(tmp_path / "d", **parts))
    assert (data.kind, data.class_names, len(data.test)) == ("tokens", ("neg", "pos"), 6)
    assert any("unsupervised" in note for note in data.notes)


def test_rows_of_numbers_in_several_files_are_a_table(tmp_path):
    columns = {"a": np.arange(20.0), "b": np.ones(20), "label": [0, 1] * 10}
    data = loaded(saved(tmp_path / "d", columns, {}, shards=2))
    assert (data.kind, data.columns, data.class_names) == ("features", ("a", "b"), ("0", "1"))
    assert sum(len(part) for _, part in data.splits()) == 20


def test_lists_of_one_shape_are_arrays(tmp_path):
    values = np.arange(240, dtype=np.float32).reshape(20, 4, 3)
    columns = {"x": pa.array(values.tolist(), pa.list_(pa.list_(pa.float32(), 3))), "y": [0, 1] * 10}
    folder = saved(tmp_path / "d", columns | {"id": list(range(20))}, {"y": CLASSES["label"]})
    data = loaded(folder, scale="none")
    assert "columns left out, as only x and y are used: id" in data.notes
    row = int(data.test.x[0, 0, 0] / 12)
    np.testing.assert_array_equal(data.test.x[0], values[row])
    assert data.test.y[0] == row % 2


@pytest.mark.parametrize(
    ("columns", "features", "state", "told"),
    [
        ({"x": [[1], [2, 3]], "y": [0, 1]}, {}, {}, "lists of different lengths in column x"),
        ({"x": [[1], [2]], "z": [[1], [2]], "y": [0, 1]}, {}, {}, "must have one column of images or numbers"),
        ({"x": [[1], [2]], "z": [1, 2], "y": [0, 1]}, {}, {}, "must have one column of images or numbers"),
        ({"x": [["a"], ["b"]], "y": [0, 1]}, {}, {}, "has the type string in column x"),
        ({"text": ["a", "b"], "label": [0, 7]}, CLASSES, {}, "record 2 has the label 7, but there are 2 classes"),
        (
            {"i": [{"bytes": None, "path": "/etc/passwd"}] * 2, "label": [0, 1]},
            {"i": {"_type": "Image"}},
            {},
            "does not hold the image of record 1 in column i",
        ),
        ({"a": [1.0]}, {}, {"_data_files": [{"filename": "../a.arrow"}]}, "does not name the files"),
        ({"a": [1.0]}, {}, {"_indices_files": [{"filename": "i.arrow"}]}, "flatten_indices"),
        ({"a": pa.array([], pa.int64())}, {}, {}, "has no rows"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path, columns, features, state, told):
    with pytest.raises(InputError, match=told):
        loaded(saved(tmp_path / "d", columns, features, **state))


def test_damaged_files_are_named(tmp_path):
    folder = split(tmp_path / "d", train=texts(range(20)), test=texts(range(6)))
    rows = folder / "test" / "data-00000-of-00001.arrow"
    good = rows.read_bytes()
    for content in (good[:300], b"only words", b"", good[: len(good) // 2]):
        rows.write_bytes(content)
        with pytest.raises(InputError, match=r"data-00000-of-00001\.arrow is no Arrow stream, is damaged or was cut"):
            loaded(folder)
    (folder / "test" / "state.json").write_text("{")
    with pytest.raises(InputError, match=r"state\.json is no JSON"):
        loaded(folder)
    (folder / "dataset_dict.json").write_text('{"splits": ["test"]}')
    with pytest.raises(InputError, match="has no split train, but test"):
        loaded(folder)
