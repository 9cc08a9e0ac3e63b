"""Folders of WAV files by class: what is read, how spectrograms are made of it, what is refused, and what answers."""

import wave

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.io import wavfile

import tfopt
from tests.test_image_folders import image
from tests.test_predict import remembered
from tfopt.data.calibration import InputSpec, load_calibration
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.data.log_mel import LogMel
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.sounds import Sound, read_sound, resampled
from tfopt.errors import InputError

RATE = 8000
LOG_MEL = LogMel(rate=RATE, samples=1600, window=240, hop=160, fft=512)


def tone(hertz, seconds=0.2, rate=RATE):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def sound(path, values, rate=RATE, dtype=np.int16):
    path.parent.mkdir(parents=True, exist_ok=True)
    peak = np.iinfo(dtype).max if np.dtype(dtype).kind == "i" else 1
    wavfile.write(path, rate, (values * peak).astype(dtype))


@pytest.fixture
def root(tmp_path):
    """Low and high tones."""
    for i in range(15):
        sound(tmp_path / "r" / "high" / f"{i:02}.wav", tone(2500 + 20 * i))
        sound(tmp_path / "r" / "low" / f"{i:02}.wav", tone(400 + 20 * i))
    return tmp_path / "r"


def loaded(root, **options):
    return load(DataConfig(source=str(root), **options))


def test_each_folder_is_a_class_and_sounds_are_images_of_pitch_by_time(root):
    data = loaded(root, scale="none")
    assert (data.kind, data.class_names, data.train.x.shape[1:]) == ("image", ("high", "low"), (11, 40, 1))
    assert data.log_mel == LOG_MEL
    loudest = data.test.x[:, 5, :, 0].argmax(axis=1)
    np.testing.assert_array_equal(data.test.y, loudest < 20)
    assert not [note for note in data.notes if "sounds" in note]
    assert abs(float(loaded(root).train.x.mean())) < 1e-4


def test_split_folders_are_kept_to_and_the_length_is_that_of_the_train_split(root):
    top = root.with_name("top")
    top.mkdir()
    root.rename(top / "training")
    sound(top / "test" / "low" / "a.wav", tone(500, 2.0))
    data = loaded(top)
    assert (len(data.test), data.log_mel.samples) == (1, 1600)
    assert "sounds last 0.20 to 2.00 s and are fed as 0.20 s: 1 were cut, 0 padded with silence" in data.notes


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
def test_all_widths_of_samples_sound_the_same(tmp_path, dtype):
    sound(tmp_path / "a.wav", tone(500) / 2, dtype=dtype)
    np.testing.assert_allclose(resampled(read_sound(tmp_path / "a.wav"), RATE), tone(500) / 2, atol=1e-4)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_8_to_32_bits_is_read_and_channels_are_mixed(tmp_path, width):
    largest = 2 ** (8 * width - 1) - 1
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, RATE, 0, "NONE", ""))
        left, right = (round(share * largest) + 128 * (width == 1) for share in (0.75, 0.25))
        file.writeframes(b"".join(n.to_bytes(width, "little") for n in (left, right)) * 10)
    found = read_sound(tmp_path / "a.wav")
    assert found.channels == 2
    np.testing.assert_allclose(resampled(found, RATE), np.full(10, 0.5), atol=0.01)


def test_other_rates_and_channels_are_brought_to_one_and_noted(root):
    sound(root / "low" / "fast.wav", tone(500, rate=16000), rate=16000)
    sound(root / "low" / "stereo.wav", np.stack([tone(500), tone(500)], axis=1))
    notes = loaded(root).notes
    assert "1 of 32 sounds were resampled from 16,000 to 8,000 Hz" in notes
    assert "1 of 32 sounds of several channels were mixed to one" in notes
    slow, fast = (LOG_MEL([Sound(rate, tone(500, rate=rate).astype(np.float32))]) for rate in (RATE, 16000))
    np.testing.assert_allclose(slow[:, 2:-2, 5:15], fast[:, 2:-2, 5:15], atol=0.05)


def test_a_sound_does_not_depend_on_those_beside_it():
    quiet, loud = Sound(RATE, tone(500).astype(np.float32) * 1e-3), Sound(RATE, tone(700).astype(np.float32))
    np.testing.assert_allclose(LOG_MEL([quiet, loud])[:1], LOG_MEL([quiet]), atol=1e-5)


def test_settings_of_a_model_are_kept_for_other_sounds(root):
    known = LOG_MEL.model_copy(update={"samples": 3200})
    data = load(DataConfig(source=str(root)), Preprocessor(log_mel=known))
    assert (data.log_mel, data.train.x.shape[1]) == (known, 21)


def hostile(path, kind):
    good = path.read_bytes()
    contents = {
        "cut": good[:1000], "odd": good[:1001], "header": good[:30], "words": b"only words", "nothing": b"",
        "no channels": good[:22] + b"\0\0" + good[24:], "mp3": good[:20] + b"\x55\0" + good[22:],
    }  # fmt: skip
    if kind in contents:
        path.write_bytes(contents[kind])
    else:
        values = {"empty": np.zeros(0), "nan": np.full(9, np.nan), "slow": np.zeros(9)}[kind]
        sound(path, values, rate=5 if kind == "slow" else RATE, dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("cut", "was cut off"),
        ("odd", "is damaged"),
        ("header", "is damaged"),
        ("words", "is no WAV file"),
        ("nothing", "is no WAV file"),
        ("no channels", "is no WAV file"),
        ("mp3", "MPEGLAYER3"),
        ("empty", "holds no samples"),
        ("nan", "holds NaN or infinity"),
        ("slow", "has 5 samples a second"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(root, kind, told):
    hostile(root / "low" / "03.wav", kind)
    with pytest.raises(InputError, match=rf"low/03\.wav .*{told}"):
        loaded(root)


def test_sounds_of_other_formats_images_among_them_and_options_of_images_are_refused(root):
    with pytest.raises(InputError, match="`image_size` is for images"):
        loaded(root, image_size=8)
    (root / "low" / "x.mp3").write_bytes(b"x")
    with pytest.raises(InputError, match=r"x\.mp3 is no WAV file; `ffmpeg -i x\.mp3 x\.wav` makes one"):
        loaded(root)


def test_a_folder_of_images_with_a_sound_below_it_is_still_one_of_images(tmp_path):
    for i in range(12):
        image(tmp_path / "r" / "ab"[i % 2] / f"{i}.png", i)
    (tmp_path / "r" / "theme.wav").write_bytes(b"x")
    assert loaded(tmp_path / "r").train.x.shape[1:] == (6, 6, 3)


@pytest.fixture
def ear(root):
    """A model that says high if the upper bands are louder than the lower."""
    data = loaded(root)
    inputs = keras.Input(data.train.x.shape[1:])
    kernel = np.repeat(np.eye(2)[::-1], 20, axis=0)[np.newaxis, :, np.newaxis]
    layer = keras.layers.Conv2D(2, (1, 40), use_bias=False)
    x = keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(layer(inputs)))
    layer.set_weights([kernel])
    return remembered(keras.Model(inputs, x), data, "ear.keras")


def test_a_model_answers_sounds_as_keras_and_as_litert(tfopt, ear, tmp_path):
    ear.save(tmp_path / "ear.keras")
    (tmp_path / "ear.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(ear.model).convert())
    sound(tmp_path / "in" / "deep.wav", tone(450, 0.7, rate=11025), rate=11025)
    sound(tmp_path / "in" / "shrill.wav", tone(2900))
    for model, *like in (("ear.keras",), ("ear.tflite", "--like", "ear.keras")):
        ended = tfopt("predict", model, "in", *like, "--json")
        assert [one["answer"] for one in ended.report["predictions"]] == ["low", "high"], ended.err
    ended = tfopt("predict", "ear.keras", "nothing.wav")
    assert (ended.code, "takes sound files, folders of them or patterns as *.wav" in ended.err) == (2, True)
    image(tmp_path / "cat.png", 1)
    assert "cat.png is no WAV file" in tfopt("predict", "ear.keras", "cat.png").err


def test_a_folder_of_sounds_calibrates_as_the_model_hears_them(ear, root):
    memory, shape = ear.provenance, (None, *ear.input_shapes()[0][1:])
    [x], notes = load_calibration(root / "low", [InputSpec("sound", shape, "float32")], None, memory, "ear.keras")
    [first] = memory.scaling(memory.log_mel([read_sound(root / "low" / "00.wav")]))
    assert (len(x), notes) == (15, [f"calibrated on 15 samples of {root / 'low'}"])
    np.testing.assert_allclose(x[0], first, atol=1e-6)
    image(root / "pictures" / "cat.png", 1)
    with pytest.raises(InputError, match=r"pictures holds no sound \(.wav, .wave\)"):
        load_calibration(root / "pictures", [InputSpec("sound", shape, "float32")], None, memory, "ear.keras")


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["cnn", "mobilenet", "rnn", "transformer"])
def test_architectures_of_images_train_on_sounds_and_become_integers(tfopt, root, arch):
    ended = tfopt("train", "--data", root, "--arch", arch, "--width", 8, "--epochs", 2, "--json")
    assert ended.code == 0, ended.err
    ended = tfopt("quantize", "model.keras", "--int8", "--max-drop", "100%", "--json")
    assert ended.code == 0, ended.err
    answers = tfopt("predict", "model-int8.tflite", root / "low", "--json").report["predictions"]
    assert len(answers) == 15


def test_a_sound_is_resampled_to_the_rate_of_most(root):
    sounds = [Sound(RATE, np.zeros(RATE, np.float32))] * 2 + [Sound(16000, np.zeros(16000, np.float32))]
    assert (LogMel.fit(sounds).rate, LogMel.fit(sounds).seconds) == (RATE, 1.0)
    with pytest.raises(tfopt.InputError, match="cut them into short clips"):
        LogMel.fit([Sound(RATE, np.zeros(RATE * 2000, np.int16))])
