"""TFRecord files with a description of their features: what is read, how splits are kept, and what is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError

IMAGES = {
    "x": {"feature": "image", "encoding": "image"},
    "y": {"feature": "label", "encoding": "int", "classes": ["dark", "bright"]},
}
NUMBERS = {"x": {"feature": "x", "encoding": "float", "shape": [3]}, "y": {"feature": "label", "encoding": "int"}}


def example(**values):
    features = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, int):
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=value))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def written(path, records, description=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    if description is not None:
        (path.parent / "features.json").write_text(json.dumps(description))
    return path


def pixels(row, shape=(4, 5, 3)):
    return np.full(shape, 20 + row + 150 * (row % 2), np.uint8)


def images(rows):
    return [example(image=tf.io.encode_png(pixels(row)).numpy(), label=row % 2) for row in rows]


def numbers(rows=30):
    return [example(x=[float(row % 2), row, 0.5], label=row % 2) for row in range(rows)]


def loaded(path, **options):
    return load(DataConfig(source=str(path), **options))


def test_image_files_in_records_are_images_and_their_classes_have_names(tmp_path):
    path = written(tmp_path / "d.tfrecord", images(range(30)), IMAGES)
    data = loaded(path)
    assert (data.kind, set(data.class_names), data.test.x.shape[1:]) == ("image", {"dark", "bright"}, (4, 5, 3))
    bright = np.array(data.class_names)[data.test.y] == "bright"
    np.testing.assert_array_equal(bright, data.test.x.mean(axis=(1, 2, 3)) > 0.5)
    assert loaded(path, image_size=6).test.x.shape[1:] == (6, 6, 3)


@pytest.mark.parametrize("shards", ["{}-00000-of-00001.tfrecord", "digits-{}.tfrecord-00000-of-00001"])
def test_files_named_after_splits_are_these(tmp_path, shards):
    written(tmp_path / "d" / shards.format("train"), images(range(20)), IMAGES)
    written(tmp_path / "d" / shards.format("test"), images(range(20, 26)))
    data = loaded(tmp_path / "d")
    found = (data.test.x[:, 0, 0, 0] * 255).round().astype(int)
    assert sorted(found) == sorted(pixels(row)[0, 0, 0] for row in range(20, 26))


def test_files_of_other_names_are_shards_of_one_set_and_a_feature_may_name_the_split(tmp_path):
    parts = [b"train"] * 20 + [b"val"] * 5 + [b"test"] * 5
    records = [example(x=[row % 2, row, 1.0], label=row % 2, part=part) for row, part in enumerate(parts)]
    written(tmp_path / "d" / "a.tfrecord", records[:7], NUMBERS)
    written(tmp_path / "d" / "b.tfrecord", records[7:])
    assert sum(len(split) for _, split in loaded(tmp_path / "d").splits()) == 30
    written(tmp_path / "d" / "a.tfrecord", records[:7], NUMBERS | {"split": "part"})
    data = loaded(tmp_path / "d", scale="none")
    assert (len(data.test), len(data.validation)) == (5, 5)
    assert sorted(data.test.x[:, 1]) == [25, 26, 27, 28, 29]


def test_raw_bytes_texts_and_amounts_are_read(tmp_path):
    raw = [example(x=np.arange(6, dtype="<i2").tobytes(), label=row % 2) for row in range(20)]
    description = NUMBERS | {"x": {"feature": "x", "encoding": "raw", "dtype": "int16", "shape": [3, 2]}}
    data = loaded(written(tmp_path / "raw.tfrecord", raw, description), scale="none")
    np.testing.assert_array_equal(data.train.x[0], [[0, 1], [2, 3], [4, 5]])
    texts = [example(x=f"{'good' if row % 2 else 'bad'} room".encode(), label=row % 2) for row in range(20)]
    data = loaded(written(tmp_path / "t.tfrecord", texts, NUMBERS | {"x": {"feature": "x", "encoding": "text"}}))
    assert (data.kind, data.vectorizer.words.split("\n")[0]) == ("tokens", "room")
    amounts = [example(x=[row, 1.0, 2.0], label=[row / 7]) for row in range(40)]
    description = NUMBERS | {"y": {"feature": "label", "encoding": "float"}}
    assert loaded(written(tmp_path / "n.tfrecord", amounts, description)).task == "regression"


def test_without_a_description_the_sentence_says_what_to_write(tmp_path):
    path = written(tmp_path / "d.tfrecord", numbers())
    with pytest.raises(InputError, match=r'features\.json does not exist: .*\{"x": \{"feature": "image"'):
        loaded(path)


@pytest.mark.parametrize(
    ("description", "told"),
    [
        ({"x": NUMBERS["x"]}, "features.json: y: Field required"),
        (NUMBERS | {"x": {"feature": "x", "encoding": "jpg"}}, "features.json: x.encoding: Input should be 'image'"),
        (NUMBERS | {"x": {"feature": "x", "encoding": "float", "shape": [4]}}, "Values size: 3 but output shape"),
        (NUMBERS | {"x": {"feature": "z", "encoding": "float", "shape": [3]}}, "Feature: z .* could not be found"),
        (NUMBERS | {"x": {"feature": "x", "encoding": "float", "shape": [10**8]}}, "more values .* than it has bytes"),
        (NUMBERS | {"split": "label"}, "split names the feature of x or y"),
        (NUMBERS | {"y": {"feature": "label", "encoding": "float"}}, "Data types don't match"),
        (NUMBERS | {"y": {"feature": "label", "encoding": "int", "classes": ["a"]}}, "record 2 has the label 1, but"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path, description, told):
    path = written(tmp_path / "d.tfrecord", numbers(), description)
    with pytest.raises(InputError, match=told):
        loaded(path)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda good: good[:-5], "was cut off"),
        (lambda good: good[:60] + b"\xff" + good[61:], "is damaged"),
        (lambda good: b"only words that are no record at all", "is no TFRecord file"),
        (lambda good: b"", "holds no records"),
        (lambda good: b"\xff" * 8 + good[8:], "is no TFRecord file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage, told):
    path = written(tmp_path / "d.tfrecord", numbers(), NUMBERS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=rf"d\.tfrecord .*{told}"):
        loaded(path)


def test_damaged_values_are_named_by_their_record(tmp_path):
    path = written(tmp_path / "d.tfrecord", [*images(range(12)), example(image=b"words", label=1)], IMAGES)
    with pytest.raises(InputError, match=r"d\.tfrecord: record 13 holds no image"):
        loaded(path)
    raw = NUMBERS | {"x": {"feature": "image", "encoding": "raw", "shape": [2]}}
    path = written(tmp_path / "d.tfrecord", [example(image=b"abc", label=1)], raw)
    with pytest.raises(InputError, match=r"record 1 has 3 bytes in image, but uint8 of shape .2,. takes 2"):
        loaded(path)
    path = written(tmp_path / "d.tfrecord", [b"no example"], NUMBERS)
    with pytest.raises(InputError, match=r"d\.tfrecord does not hold .*: Could not parse example"):
        loaded(path)
