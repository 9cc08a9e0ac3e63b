"""`tfopt predict`: inputs as they come are prepared as in training, and answers are in the units of the data."""

import keras
import numpy as np
import pytest

import tfopt as library
from tests.hostile_models import keras_file, memory
from tests.test_image_folders import image
from tests.test_tables import written
from tfopt.config.fields import Config
from tfopt.core.provenance import provenance_of
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact

TEXTS = ("staff was friendly", "the room is dirty")


def remembered(model, data, name):
    return KerasArtifact.from_model(model, name, provenance_of(data, "train", Config()))


@pytest.fixture(scope="module")
def phrases():
    """A model that says praise if there is a friendly in the text."""
    data = load(DataConfig(source="phrases"))
    friendly = data.vectorizer.words.split("\n").index("friendly") + 2
    inputs = keras.Input(data.train.x.shape[1:], dtype="int32")
    embedding = keras.layers.Embedding(data.vocabulary, 2)
    x = keras.layers.GlobalMaxPooling1D()(embedding(inputs))
    weights = np.zeros((data.vocabulary, 2), np.float32)
    weights[:, 0], weights[friendly] = 0.1, (0, 3)
    embedding.set_weights([weights])
    return remembered(keras.Model(inputs, keras.layers.Softmax()(x)), data, "p.keras")


@pytest.fixture(scope="module")
def last_values():
    """A forecast of three steps that repeats the last step of the window."""
    data = load(DataConfig(source="waves", window=5, horizon=3))
    inputs = keras.Input((5, 3))
    x = keras.layers.Cropping1D((4, 0))(inputs)
    outputs = keras.layers.Reshape((3, 3))(keras.layers.Concatenate(axis=1)([x, x, x]))
    return remembered(keras.Model(inputs, outputs), data, "w.keras")


def test_texts_get_the_name_of_their_class_and_its_probability(phrases):
    answers = library.predict(phrases, TEXTS).predictions
    assert [(one.input, one.answer) for one in answers] == [(TEXTS[0], "praise"), (TEXTS[1], "blame")]
    assert answers[0].probability == pytest.approx(1 / (1 + np.exp(0.1 - 3)), abs=1e-4)


def test_a_series_is_forecast_from_its_end_in_its_own_units(last_values):
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    [answer] = library.predict(last_values, values).predictions
    np.testing.assert_allclose(answer.answer, [values[-1]] * 3, atol=1e-3)


def test_features_are_in_the_units_of_the_data_and_so_are_answers():
    data = load(DataConfig(source="diabetes"))
    inputs = keras.Input((10,))
    kernel = np.eye(10, 1, dtype=np.float32)  # the age, standardized, as the target, standardized
    layer = keras.layers.Dense(1)
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([kernel, np.zeros(1, np.float32)])
    artifact = remembered(model, data, "d.keras")
    row = np.array([data.scaling.mean])
    row[0, 0] += data.scaling.deviation[0]
    [answer] = library.predict(artifact, row).predictions
    assert answer.answer == pytest.approx([data.targets.mean[0] + data.targets.deviation[0]], rel=1e-4)


def test_translations_are_texts():
    data = load(DataConfig(source="numbers"))
    length, size = data.train.y.shape[1], data.target_vectorizer.size
    one = data.target_vectorizer.words.split("\n").index("ein") + 2
    source, target = (keras.Input(x.shape[1:], dtype="int32") for x in data.train.inputs)
    constant = keras.layers.Embedding(size, size, embeddings_initializer="zeros")
    joined = keras.layers.Concatenate()([constant(target), keras.layers.RepeatVector(length)(source)])
    layer = keras.layers.Dense(size, activation="softmax")
    model = keras.Model([source, target], layer(joined))
    bias = np.zeros(size, np.float32)
    bias[one] = 9
    layer.set_weights([np.zeros((size + source.shape[1], size), np.float32), bias])
    [answer] = library.predict(remembered(model, data, "t.keras"), ["one"]).predictions
    assert answer.answer == " ".join(["ein"] * length)


def test_the_command_line_answers_texts_files_and_images(tfopt, phrases, last_values, sample, tmp_path):
    phrases.save(tmp_path / "p.keras")
    shown = tfopt("predict", "p.keras", *TEXTS)
    assert shown.code == 0, shown.err
    assert "praise" in shown.out
    written(tmp_path / "t.txt", "\n".join(TEXTS) + "\n\n")
    report = tfopt("predict", "p.keras", "--file", "t.txt", "--json").report
    assert [one["answer"] for one in report["predictions"]] == ["praise", "blame"]

    last_values.save(tmp_path / "w.keras")
    written(tmp_path / "s.csv", "flow,load,heat\n" + "".join(f"3,1,{i}\n" for i in range(9)))
    report = tfopt("predict", "w.keras", "--file", "s.csv", "--json").report
    np.testing.assert_allclose(report["predictions"][0]["answer"][0], [1, 8, 3], atol=1e-3)

    image(tmp_path / "i.png", 255, (20, 20, 3))
    report = tfopt("predict", sample, "i.png", "--json").report
    assert (report["task"], report["predictions"][0]["input"]) == ("classification", "i.png")


def test_an_image_file_is_answered_as_the_sample_it_shows(sample, digits, tmp_path):
    import tensorflow as tf

    for row in range(5):
        pixels = (digits.test.x[row] * 255).round().astype(np.uint8)
        (tmp_path / f"{row}.png").write_bytes(tf.io.encode_png(pixels).numpy())
    answers = library.predict(sample, [tmp_path / f"{row}.png" for row in range(5)]).predictions
    outputs = library.load(sample).predict(digits.test.x[:5])
    assert [one.answer for one in answers] == [str(i) for i in outputs.argmax(axis=1)]


def test_a_class_without_a_name_is_called_by_its_number(sample, digits, tmp_path):
    keras_file(tmp_path / "few.keras", memory(class_names=["nought"]))
    x = digits.test.x[:50].reshape(-1, 8, 8, 1) * 16
    few, all_of_them = (library.predict(path, x).predictions for path in (tmp_path / "few.keras", sample))
    names, numbers = ([one.answer for one in answers] for answers in (few, all_of_them))
    assert "0" in numbers
    assert names == ["nought" if number == "0" else number for number in numbers]


def test_a_tflite_file_answers_alike_with_the_memory_of_its_model(tfopt, phrases, tmp_path):
    phrases.save(tmp_path / "p.keras")
    assert tfopt("convert", "p.keras", "--no-metadata", "-q").code == 0
    report = tfopt("predict", "p.tflite", "--like", "p.keras", *TEXTS, "--json").report
    assert [one["answer"] for one in report["predictions"]] == ["praise", "blame"]
    alone = tfopt("predict", "p.tflite", *TEXTS)
    assert (alone.code, alone.err.count("\n")) == (2, 1)
    assert "--like" in alone.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give inputs"),
        (("a", "--file", "t.txt"), "give inputs"),
        (("",), "text 1 is empty"),
        (("--file", "none.txt"), "none.txt does not exist"),
        (("--file", "latin.txt"), "is not in UTF-8"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(tfopt, phrases, tmp_path, arguments, words):
    phrases.save(tmp_path / "p.keras")
    (tmp_path / "latin.txt").write_bytes("schön".encode("latin-1"))
    ended = tfopt("predict", "p.keras", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err


def test_numbers_of_the_wrong_shape_or_none_at_all_are_refused(last_values, sample, tmp_path):
    with pytest.raises(InputError, match=r"takes samples of shape \(5, 3\), but was given"):
        library.predict(last_values, np.zeros((3, 3)))
    with pytest.raises(InputError, match="NaN"):
        library.predict(last_values, np.full((9, 3), np.nan))
    (tmp_path / "x.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"x\.png is no image"):
        library.predict(sample, [tmp_path / "x.png"])
    with pytest.raises(InputError, match="does not remember"):
        library.predict(keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]), np.zeros((1, 2)))
