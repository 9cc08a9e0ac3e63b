"""What a `.tflite` is tried on: noise besides zeros, and as many samples at once as it is run on afterwards."""

import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfopt.errors import InputError
from tfopt.formats.tflite.artifact import BATCH, TfliteArtifact
from tfopt.runtime import processes
from tfopt.runtime.processes import ProcessError
from tfopt.untrusted import trial
from tfopt.untrusted.trial import try_tflite

REFUSED = "cannot be run by LiteRT"


def converted(model):
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def table(rows):
    """A lookup of 20 tokens."""
    values = tf.ones((rows, 3))
    lookup = tf.function(lambda x: tf.gather(values, x), input_signature=[tf.TensorSpec((1, 20), tf.int32)])
    return tf.lite.TFLiteConverter.from_concrete_functions([lookup.get_concrete_function()]).convert()


def test_a_file_whose_samples_are_large_is_run_one_by_one(tmp_path):
    big = [keras.Input((8, 8, 1)), layers.UpSampling2D(2048, interpolation="nearest"), layers.GlobalAveragePooling2D()]
    (tmp_path / "up.tflite").write_bytes(converted(keras.Sequential([*big, layers.Dense(10)])))
    assert TfliteArtifact.load(tmp_path / "up.tflite").batch == 1


def test_a_file_whose_samples_are_small_is_run_in_batches(tmp_path):
    small = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    (tmp_path / "m.tflite").write_bytes(converted(small))
    assert TfliteArtifact.load(tmp_path / "m.tflite").batch == BATCH


def test_integers_are_tried_that_are_not_zero(tmp_path):
    (tmp_path / "m.tflite").write_bytes(table(1))
    with pytest.raises(InputError, match=REFUSED):
        TfliteArtifact.load(tmp_path / "m.tflite")


def test_what_fails_only_on_some_samples_is_one_sentence(tmp_path):
    (tmp_path / "m.tflite").write_bytes(table(2))
    artifact = TfliteArtifact.load(tmp_path / "m.tflite")
    with pytest.raises(InputError, match=REFUSED):
        artifact.predict(np.full((1, 20), 7))
    with pytest.raises(InputError, match=REFUSED):
        artifact.runner([np.full((1, 20), 7)])


def test_what_crashes_after_it_has_run_is_refused(monkeypatch):
    def crashes_at_the_end(*_, **__):
        return processes.run("tests.children:returns_and_crashes", 64)

    monkeypatch.setattr(trial, "run", crashes_at_the_end)
    with pytest.raises(InputError, match=r"m\.tflite is damaged: LiteRT crashes on it \(SIGABRT\)"):
        try_tflite(b"", "m.tflite", 64)


def test_what_takes_too_long_is_one_sentence(monkeypatch):
    def late(*_, **__):
        raise ProcessError("its process took longer than 45 s", -signal.SIGKILL, late=True)

    monkeypatch.setattr(trial, "run", late)
    with pytest.raises(InputError, match=r"m\.tflite cannot be run by LiteRT: it took longer than 45 s"):
        try_tflite(b"", "m.tflite", 64)
