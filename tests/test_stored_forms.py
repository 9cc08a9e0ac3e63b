"""Files in the form in which a target stores them: smaller where zeros and shared weights pay, and proven alike."""

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

import tfopt as library
from tests.conftest import SAMPLES
from tfopt.conversion.config import PackConfig
from tfopt.errors import UnsupportedError
from tfopt.formats.tflite import micro
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.runtime.progress import Silent
from tfopt.targets.store import store


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The digits CNN in integers, as it is and with 16 values in each kernel."""
    folder = tmp_path_factory.mktemp("stored")
    model = library.load(SAMPLES / "digits-cnn.keras").model
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name == "kernel":
                values = weight.numpy()
                grid = np.linspace(values.min(), values.max(), 16, dtype="float32")
                weight.assign(grid[np.abs(values[..., np.newaxis] - grid).argmin(axis=-1)])
    config = library.QuantizeConfig(io="int8", batch=1)
    library.quantize(model, config, "digits").artifact.save(folder / "shared.tflite")
    library.quantize(SAMPLES / "digits-cnn.keras", config).artifact.save(folder / "plain.tflite")
    return folder


def answers(payload, inputs):
    interpreter = runtime.Interpreter.from_bytes(payload, arena_size=2**20)
    found = []
    for x in inputs:
        interpreter.set_input(x, 0)
        interpreter.invoke()
        found.append(interpreter.get_output(0).copy())
    return np.array(found)


def test_shared_weights_become_tables_that_answer_bit_by_bit_alike(files):
    before = TfliteArtifact.load(files / "shared.tflite").model_bytes
    after, report = store(files / "shared.tflite", "tflm", PackConfig(), Silent())
    assert len(after) < 0.8 * len(before)
    inputs = np.random.default_rng(1).integers(-128, 128, (20, 1, 8, 8, 1)).astype(np.int8)
    np.testing.assert_array_equal(answers(after, inputs), answers(before, inputs))
    assert "the weights of 3 tensors are indices into tables" in report.note
    assert "the arena grows from" in report.note
    assert sum(one.kind == "CUSTOM" for one in operations(after)) == 3


def test_shared_weights_take_less_as_vela_compiles_them(files):
    sizes = {}
    for name in ("plain", "shared"):
        compiled, report = store(files / f"{name}.tflite", "ethos-u55-128", PackConfig(), Silent())
        assert [one.kind for one in operations(compiled)] == ["CUSTOM"]
        assert "compiled by Vela for ethos-u55-128" in report.note
        sizes[name] = len(compiled)
    assert sizes["shared"] < 0.9 * sizes["plain"]


def test_the_command_writes_the_form_and_holds_it_to_a_size(files, tfopt):
    ended = tfopt("pack", files / "shared.tflite", "--target", "tflm", "-o", "small.tflite", "--max-size", "1kB")
    assert ended.code == 1
    assert "FAIL: shared.tflite: --max-size" in ended.out
    assert "wrote small.tflite" in ended.err


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("edgetpu", "edgetpu stores a .tflite file as it is: leave out --target"),
        ("tflmicro", "--target tflmicro is not known: did you mean tflm?"),
        ("tflm", "plain.tflite has no 8-bit weights with so few distinct values that tables take less"),
    ],
)
def test_what_has_no_other_form_is_one_sentence(files, tfopt, target, words):
    ended = tfopt("pack", files / "plain.tflite", "--target", target, "-o", "other.tflite")
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


def test_a_file_that_would_answer_otherwise_is_not_written(files, monkeypatch):
    monkeypatch.setattr(micro, "_asked", lambda *_: {"tables": 3, "agreed": -1, "arenas": [1, 2]})
    with pytest.raises(UnsupportedError, match="would not answer bit by bit alike"):
        store(files / "shared.tflite", "tflm", PackConfig(), Silent())
