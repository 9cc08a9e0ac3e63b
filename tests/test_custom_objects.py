import importlib
import os
import sys

import keras
import pytest

from tests.conftest import process
from tfopt.errors import InputError
from tfopt.formats.keras import custom_objects
from tfopt.formats.keras.custom_objects import register_custom_objects

MODULE = """
import keras

class Triple(keras.layers.Layer):
    def call(self, x):
        return x * 3

class Net(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.flatten = keras.layers.Flatten()
        self.classes = keras.layers.Dense(10)

    def call(self, x):
        return self.classes(self.flatten(x))

def custom_objects():
    return {"Triple": Triple, "Net": Net}

def nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with models whose classes this process does not know, and has forgotten again at the end."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom_objects, "_sources", [])
    monkeypatch.setattr(custom_objects, "_named", set())
    sys.modules.pop("mine", None)
    (tmp_path / "mine.py").write_text(MODULE)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        mine = importlib.import_module("mine")
    layers = [keras.layers.Flatten(), mine.Triple(), keras.layers.Dense(10)]
    keras.Sequential([keras.Input((8, 8, 1)), *layers]).save("model.keras")
    net = mine.Net()
    net(keras.ops.zeros((1, 8, 8, 1)))
    net.save("net.keras")
    del sys.modules["mine"]
    yield tmp_path
    sys.modules.pop("mine", None)
    for name in ("Triple", "Net"):
        keras.saving.get_custom_objects().pop(name, None)


def test_a_custom_layer_is_refused_until_its_code_is_named(tfopt, folder):
    ended = tfopt("prune", "model.keras")
    assert ended.code == 2
    assert "uses Triple, a custom layer" in ended.err
    assert "--custom-objects module:function" in ended.err
    ended = tfopt("prune", "model.keras", "--custom-objects", "mine:custom_objects")
    assert ended.code == 0, ended.err


def test_the_converting_process_knows_it_too(folder):
    ended = process("quantize", "model.keras", "--dynamic", "--custom-objects", "mine:custom_objects", folder=folder)
    assert ended.code == 0, ended.err
    assert (folder / "model-dynamic.tflite").exists()


@pytest.mark.slow
def test_a_subclassed_model_is_taken_by_the_input_it_was_built_with(folder):
    options = ("--data", "digits", "--custom-objects", "mine:custom_objects")
    ended = process("prune", "net.keras", "--epochs", 2, *options, folder=folder)
    assert ended.code == 0, ended.err
    ended = process("quantize", "net-pruned.keras", "--int8", *options, "--json", folder=folder)
    assert ended.code == 0, ended.err
    kinds = {m["format"]: m["nonzero_parameters"] for m in ended.report["measurements"]}
    assert kinds["tflite"] <= kinds["keras"] == 320 + 10
    ended = process("quantize", "net.keras", "--qat", "--epochs", 1, *options, "--json", folder=folder)
    assert ended.code == 0, ended.err
    assert {layer["action"] for layer in ended.report["layers"]} == {"quantized"}
    ended = process("quantize", "net.keras", "--qat", "--qat-engine", "tfmot", *options, "--force", folder=folder)
    assert (ended.code, "is a Net, a model whose graph is not known" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mine", "must be module:function"),
        ("builtins:exit", "SystemExit"),
        ("absent:f", "ModuleNotFoundError"),
        ("mine:absent", "AttributeError"),
        ("mine:nothing", "returned a NoneType, not a dict"),
    ],
)
def test_what_cannot_be_registered_is_one_sentence(tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text(MODULE)
    with pytest.raises(InputError, match=message):
        register_custom_objects(source)


def test_all_that_was_registered_is_told_to_a_converting_process_and_not_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(custom_objects, "_sources", [])
    for name in ("first", "second"):
        (tmp_path / f"{name}_layers.py").write_text("def custom_objects():\n    return {}\n")
        register_custom_objects(f"{name}_layers:custom_objects")
    assert custom_objects.registered_sources() == ("first_layers:custom_objects", "second_layers:custom_objects")
    assert not [name for name in os.environ if name.startswith("TFOPT")]
