"""Bad input through the real command line: one clear sentence on stderr, exit 2, nothing written, nothing lost."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest

from tests.conftest import SAMPLES
from tests.test_data import npz


@pytest.fixture
def refused(tfopt, tmp_path):
    """Run a command that must be refused, and return its sentence."""

    def call(*arguments):
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        ended = tfopt(*arguments)
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert ended.code == 2, (ended.out, ended.err)
        assert ended.out == ""
        assert ended.err.startswith("error: ")
        assert ended.err.count("\n") == 1, ended.err
        assert after == before
        return ended.err

    return call


EVERY_COMMAND = ("prune", "convert", "quantize", "binarize", "evaluate")


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_a_model_that_is_not_there(refused, command):
    assert "nowhere.keras does not exist" in refused(command, "nowhere.keras")


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_a_directory(refused, tmp_path, command):
    (tmp_path / "folder.keras").mkdir()
    assert "is a directory" in refused(command, "folder.keras")


@pytest.mark.parametrize("command", EVERY_COMMAND)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"no zip at all", "not a .keras file"),
        (b"\x89HDF\r\n\x1a\n...", "cannot be loaded by Keras 2 (tf_keras) either"),
    ],
)
def test_a_file_that_is_no_keras_file(refused, tmp_path, command, content, words):
    (tmp_path / "m.keras").write_bytes(content)
    assert words in refused(command, "m.keras")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cluster", "--clusters", 1), "--clusters 1 is out of range"),
        (("cluster", "--clusters", 257), "--clusters 257 is out of range"),
        (("cluster", "--clusters", "many"), "'many' is not a valid int"),
        (("cluster", "--exclude", "nothing"), "matches no layer"),
        (("quantize", "--qat", "--dynamic"), "--qat trains for int8; it excludes --dynamic"),
        (("quantize", "--qat", "--bits", 3), "No such option: --bits; here it is --weights"),
        (("quantize", "--weights", "int3", "--algorithm", "octav"), "8 of the 16 values of 4 bits"),
        (("quantize", "--qat", "--weights", "int2", "--qat-engine", "tfmot"), "trains weights of 8 or 4 bits"),
        (("quantize", "--qat", "--augment", "flip", "--qat-engine", "tfmot"), "no --layer-bits or --augment"),
        (("quantize", "--qat", "--layer-bits", "conv2a"), "conv2a says no bits of layers; write it like conv2d_7=2"),
        (("quantize", "--qat", "--layer-bits", "conv9=2"), "--layer-bits names conv9, but sample.keras has no such"),
        (("quantize", "--int8", "--epochs", 3), "--epochs needs --qat"),
        (("quantize", "--qat", "--epochs", 0), "--epochs 0 is out of range"),
        (("prune", "--pattern", "4:2"), "must leave some weights"),
        (("prune", "--pattern", "2-4"), "--pattern 2-4"),
        (("prune", "--pattern", "2:4", "--sparsity", 0.8), "leave out --sparsity"),
        (("prune", "--engine", "tfmot", "--scope", "global"), "no --scope global"),
        (("binarize", "--post-training", "--epochs", 3), "--post-training does not train"),
        (("binarize", "--post-training", "--activations"), "it excludes --post-training"),
        (("binarize", "--mode", "unary"), "--mode"),
        (("binarize", "--exclude", "nothing"), "matches no layer"),
        (("binarize", "--exclude", "conv1b|conv2"), "nothing to binarize"),
        (("binarize", "-o", "out.tflite"), "must end in .keras"),
        (("convert", "one.tflite", "-o", "two.tflite"), "there is one output"),
    ],
)
def test_options_of_clustering_training_and_patterns(refused, sample, arguments, words):
    command, *options = arguments
    assert words in refused(command, sample, *options)


def test_training_for_int8_without_data(refused, tmp_path):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save(tmp_path / "theirs.keras")
    assert "--qat trains" in refused("quantize", "theirs.keras", "--qat")


@pytest.mark.slow
def test_binarizing_without_data_and_what_is_binarized_already(refused, tfopt, sample, tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(9), keras.layers.Dense(3)]).save(tmp_path / "theirs.keras")
    assert "signs alone destroy a model" in refused("binarize", "theirs.keras", "--all-layers")
    assert tfopt("binarize", sample, "--post-training", "-o", "bits.keras", "-q").code == 0
    assert "is binarized already" in refused("binarize", "bits.keras", "-o", "again.keras")
    (tmp_path / "bits.keras").unlink()
    assert "bits.tflite exists" in refused("binarize", sample, "-o", "bits.keras")


def test_an_output_of_quantization_aware_training_that_exists(refused, sample, tmp_path):
    (tmp_path / "sample-qat.keras").write_bytes(b"precious")
    assert "sample-qat.keras exists" in refused("quantize", sample, "--qat")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_keras_file(refused, sample, share):
    content = sample.read_bytes()
    sample.write_bytes(content[: int(len(content) * share)])
    assert "truncated" in refused("prune", sample)


def test_a_zip_that_is_no_model(refused, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert "without metadata.json" in refused("prune", "m.keras")


def test_a_flipped_bit_in_the_weights(refused, sample):
    content = bytearray(sample.read_bytes())
    content[len(content) // 2] ^= 1
    sample.write_bytes(content)
    assert "damaged" in refused("prune", sample)


def test_a_suffix_nobody_reads(refused, tmp_path):
    (tmp_path / "m.pt").write_bytes(b"x")
    assert "neither a .keras, .h5, .tflite or .onnx file" in refused("prune", "m.pt")


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_a_lambda_layer_is_refused_and_never_executed(refused, tmp_path, command):
    flag = tmp_path / "executed"
    code = f"__import__('pathlib').Path({str(flag)!r}).touch()"
    harmful = eval(f"lambda x: [x, {code}][0]")
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(harmful, output_shape=(4,)), keras.layers.Dense(3)]
    )
    flag.unlink(missing_ok=True)
    model.save(tmp_path / "m.keras")
    flag.unlink(missing_ok=True)
    assert "Lambda" in refused(command, "m.keras")
    assert not flag.exists()


@pytest.mark.parametrize("sparsity", ["-1", "0", "1", "1.5", "nan", "inf", "abc"])
def test_a_sparsity_that_is_none(refused, sample, sparsity):
    assert "--sparsity" in refused("prune", sample, "--sparsity", sparsity)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--epochs 0", "--epochs 0 is out of range"),
        ("--epochs many", "'many' is not a valid int"),
        ("--batch-size 0", "--batch-size 0 is out of range"),
        ("--learning-rate nan", "--learning-rate nan is out of range"),
        ("--learning-rate -1", "--learning-rate -1.0 is out of range"),
        ("--seed -1", "--seed -1 is out of range"),
        ("--validation 1", "--validation 1.0 is out of range"),
        ("--replicas 2", "--replicas needs --distributed"),
        ("--distributed --replicas 100 --batch-size 64", "must give each of 100 replicas a sample"),
        ("--arch resnet", "--arch"),
        ("--data dgits", "did you mean digits?"),
        ("--data nowhere.npz", "nowhere.npz does not exist"),
        ("--no-such-option", "--no-such-option"),
    ],
)
def test_an_option_value_that_makes_no_sense_for_train(refused, options, words):
    assert words in refused("train", *options.split())


@pytest.mark.parametrize(
    "options",
    [
        ("--int8", "--float16"),
        ("--float16", "--io", "int8"),
        ("--io", "uint4"),
        ("--scale", "unit"),
    ],
)
def test_options_that_exclude_each_other(refused, sample, options):
    assert refused("quantize", sample, *options)


@pytest.mark.parametrize(
    "options", [("--max-size", "huge"), ("--max-size", "-1"), ("--max-drop", "2"), ("--max-drop", "nan")]
)
def test_gates_that_make_no_sense(refused, sample, options):
    assert options[0] in refused("compare", sample, sample, *options)


def test_comparing_one_file(refused, sample):
    assert "two or more" in refused("compare", sample)


class TestOutput:
    def test_that_exists(self, refused, sample, tmp_path):
        (tmp_path / "out.keras").write_bytes(b"precious")
        assert "--force" in refused("prune", sample, "-o", "out.keras")

    def test_whose_report_exists(self, refused, sample, tmp_path):
        (tmp_path / "out.keras.report.json").write_bytes(b"{}")
        assert "--force" in refused("prune", sample, "-o", "out.keras")

    def test_that_is_a_directory(self, refused, sample, tmp_path):
        (tmp_path / "out.keras").mkdir()
        assert "is a directory" in refused("prune", sample, "-o", "out.keras", "--force")

    def test_in_a_folder_that_is_missing(self, refused, sample):
        assert "does not exist" in refused("prune", sample, "-o", "no/out.keras")

    @pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs a folder that not even root can write to")  # noqa: PTH112
    def test_in_a_folder_that_cannot_be_written(self, refused, sample):
        assert "cannot write into /proc" in refused("prune", sample, "-o", "/proc/out.keras")

    def test_that_is_the_input(self, refused, sample):
        assert "is the input itself" in refused("prune", sample, "-o", sample, "--force")

    def test_with_another_suffix(self, refused, sample):
        assert "must end in .tflite" in refused("quantize", sample, "-o", "out.bin")


class TestData:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"x_train": None}, "has no x_train, but y_train, x_test, y_test; it needs"),
            ({"y_test": None}, "has no y_test"),
            (
                {"x_train": None, "y_train": None, "x_test": None, "y_test": None, "odd": np.zeros(3)},
                "d.npz holds odd; it needs",
            ),
            ({"x_train": np.array([{}] * 60)}, "pickled objects"),
            ({"x_train": np.full((60, 6, 6), np.nan)}, "NaN"),
            ({"x_train": np.full((60, 6, 6), 1e300)}, "infinite in float32"),
            ({"x_train": np.zeros((60, 0, 6)), "x_test": np.zeros((20, 0, 6))}, "each sample needs a row"),
            ({"y_train": np.array(3)}, "each sample needs a row"),
            ({"y_train": np.full(60, 1e30)}, "label 1e+30"),
            ({"y_train": np.full(60, 2**63, np.uint64)}, "label 9.22"),
            ({"x_train": np.zeros((0, 6, 6)), "y_train": np.zeros(0, int)}, "no rows"),
            ({"x_test": np.zeros((0, 6, 6)), "y_test": np.zeros(0, int)}, "no rows"),
            ({"y_train": np.arange(59) % 3}, "60 rows but y_train has 59"),
            ({"y_train": np.arange(60) % 3 - 1}, "label -1"),
            ({"y_train": np.arange(60) * 1000}, "label 59000"),
            ({"y_train": np.zeros(60, int)}, "one class only"),
            ({"y_train": np.array(["cat"] * 60)}, "y_test has numbers, but y_train has words"),
            ({"y_test": np.full(20, 7)}, "label 7"),
            ({"x_test": np.zeros((20, 5, 5))}, "x_test has samples of shape"),
            ({"x_train": np.array([["a"] * 6] * 60)}, "numbers are needed"),
        ],
    )
    def test_that_is_unsound(self, refused, tmp_path, changes, words):
        npz(tmp_path / "d.npz", **changes)
        assert words in refused("train", "--data", "d.npz", "--epochs", "1")

    def test_that_has_the_wrong_shape_for_the_model(self, refused, sample, tmp_path):
        npz(tmp_path / "d.npz")
        assert "takes samples of shape (8, 8, 1)" in refused("prune", sample, "--data", "d.npz")

    def test_whose_labels_are_out_of_range_for_the_model(self, refused, sample, tmp_path):
        x = np.zeros((60, 8, 8))
        npz(tmp_path / "d.npz", x_train=x, x_test=x[:20], y_train=np.arange(60) % 30, y_test=np.arange(20))
        assert "out of range" in refused("quantize", sample, "--data", "d.npz")

    @pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
    def test_that_is_no_npz_file(self, refused, tmp_path, content):
        (tmp_path / "d.npz").write_bytes(content)
        assert "d.npz is no .npz file or is damaged" in refused("train", "--data", "d.npz")

    def test_that_does_not_suit_the_architecture(self, refused, tmp_path):
        x = np.random.default_rng(0).normal(size=(60, 4))
        npz(tmp_path / "d.npz", x_train=x, x_test=x[:20])
        assert "use --arch mlp" in refused("train", "--arch", "cnn", "--data", "d.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_tflite_file(refused, tfopt, sample, tmp_path, share):
    assert tfopt("convert", sample, "-o", "m.tflite", "-q").code == 0
    path = tmp_path / "m.tflite"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "m.tflite" in refused("evaluate", "m.tflite")


def test_a_tflite_file_where_a_keras_model_is_needed(refused, tfopt, sample):
    assert tfopt("convert", sample, "-o", "m.tflite", "-q").code == 0
    assert "give the .keras model" in refused("prune", "m.tflite")


def heeding_interrupts():
    """Tests that run in the background of a shell ignore SIGINT, and so would the processes that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    "signal_number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_a_signal_in_the_middle_leaves_inputs_and_earlier_outputs_and_no_half_file(sample, tmp_path, signal_number):
    original = (SAMPLES / "digits-cnn.keras").read_bytes()
    (tmp_path / "out.keras").write_bytes(b"precious")
    (tmp_path / "temporary").mkdir()
    command = [sys.executable, "-m", "tfopt", "prune", "sample.keras", "-o", "out.keras", "--force", "--epochs", "500"]
    running = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding_interrupts,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )  # fmt: skip
    time.sleep(9)  # TensorFlow is loaded and it trains
    running.send_signal(signal_number)
    out, err = running.communicate(timeout=60)
    if signal_number != signal.SIGKILL:
        word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[signal_number]
        assert (running.returncode, out, err) == (128 + signal_number, "", f"error: {word}; nothing was written\n")
        assert not list((tmp_path / "temporary").iterdir())
    shutil.rmtree(tmp_path / "temporary")
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    if signal_number == signal.SIGKILL:
        assert left.pop(".out.keras.lock") == b""  # the next run with this output removes it
    assert left == {
        "sample.keras": original,
        "out.keras": b"precious",
    }
