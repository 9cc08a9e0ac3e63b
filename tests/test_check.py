"""What a target runs of a file, what it costs there, and the limits of a device."""

import csv
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

import tfopt as library
from tests.arenas import allocates
from tests.conftest import SAMPLES
from tfopt.conversion.convert import convert
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite import micro
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations, read_model
from tfopt.formats.tflite.lifetimes import bytes_alive, lifetimes
from tfopt.formats.tflite.micro_process import told
from tfopt.formats.tflite.micro_runtime import smallest
from tfopt.formats.tflite.single_operations import single_operations
from tfopt.runtime import packages
from tfopt.runtime.fork import holds
from tfopt.runtime.processes import ProcessError
from tfopt.runtime.progress import Silent
from tfopt.targets.registry import find_target
from tfopt.targets.target_file import read_target

NET = "\n".join(["name: board", "source: by hand", "operators:", "  FULLY_CONNECTED: {types: [INT8]}", "  SOFTMAX:"])


@pytest.fixture(scope="module")
def int8(tmp_path_factory):
    path = tmp_path_factory.mktemp("check") / "digits-int8.tflite"
    config = library.QuantizeConfig(io="int8", batch=1)
    library.quantize(SAMPLES / "digits-cnn.keras", config).artifact.save(path)
    return path


@pytest.fixture(scope="module")
def floats(tmp_path_factory):
    path = tmp_path_factory.mktemp("check") / "digits.tflite"
    made = convert(KerasArtifact.load(SAMPLES / "digits-mlp.keras"), Silent()).artifact
    made.save(path)
    return path


def checked(path, target, **limits):
    return library.check(path, library.CheckConfig(target=target, **limits))


def test_in_the_stated_arena_tensors_can_be_allocated_and_in_16_bytes_less_they_cannot(int8):
    report = checked(int8, "tflm")
    arena, payload = int(report.ram.value), TfliteArtifact.load(int8).model_bytes
    assert holds(lambda: allocates(payload, arena))
    assert not holds(lambda: allocates(payload, arena - 16))
    assert report.runs
    assert {one.support for one in report.operations} == {"runs"}
    assert report.memory.alive[report.memory.peak] == sum(one.bytes for one in report.memory.tensors)


def test_a_small_net_whose_interpreter_crashes_in_a_tiny_arena_has_one(tmp_path):
    config = library.QuantizeConfig(io="int8", batch=1)
    path = library.quantize(SAMPLES / "digits-mlp.keras", config).artifact.save(tmp_path / "mlp.tflite")
    assert 3_000 < checked(path, "tflm").ram.value < 6_000


def test_what_ethos_u_costs_is_what_the_vela_command_says(int8, tmp_path):
    report = checked(int8, "ethos-u55-128")
    command = [Path(sys.executable).with_name("vela"), int8, "--accelerator-config", "ethos-u55-128"]
    subprocess.run([*command, "--output-dir", tmp_path], check=True, capture_output=True)
    [summary] = csv.DictReader(next(tmp_path.glob("*_summary_*.csv")).open())
    assert report.ram.value == 1024 * float(summary["sram_memory_used"])
    assert report.milliseconds.value == pytest.approx(1e3 * float(summary["inference_time"]))
    assert f"{float(summary['off_chip_flash_memory_used']):.2f} KiB" in report.details["flash, by Vela"]
    assert report.details["cycles"].startswith(f"{int(summary['cycles_total']):,} ")
    assert {one.support for one in report.operations} == {"runs"}


def test_a_float_file_is_left_to_the_cpu_by_ethos_u_with_the_reason_and_the_way_out(floats):
    report = checked(floats, "ethos-u65-256")
    assert {one.support for one in report.operations} == {"partly"}
    told = {one.kind: (one.reason, one.fix) for one in report.operations}
    assert (report.ram.value, report.milliseconds.value) == (None, None)
    reason, fix = told["FULLY_CONNECTED"]
    assert reason.startswith("on the CPU: Operation has tensor with unsupported DataType Float32; ")
    assert "`precision` int8" in fix
    assert told["SHAPE"] == (
        "on the CPU: Unsupported opType",
        "it computes with a free size: fix it by `batch` 1, and `length` for sequences",
    )


def test_zeros_that_were_left_out_do_not_run_in_tensorflow_lite_micro(tmp_path):
    model = keras.Sequential([keras.Input((64,)), layers.Dense(64)])
    kernel = model.layers[0].kernel.numpy()
    model.layers[0].kernel.assign(kernel * (np.random.default_rng(0).random(kernel.shape) < 0.1))
    path = tmp_path / "sparse.tflite"
    library.convert(model, library.FloatConfig(sparse="on", batch=1)).artifact.save(path)
    report = checked(path, "tflm")
    missing = [one for one in report.operations if one.kind == "DENSIFY"]
    assert [(one.support, "no kernel for DENSIFY" in one.reason) for one in missing] == [("no", True)]
    assert "`sparse` off" in missing[0].fix
    assert (report.runs, report.passed) == (False, False)


def test_the_command_fails_where_a_limit_is_broken_and_says_by_how_much(int8, tfopt):
    ended = tfopt("check", int8, "--target", "edgetpu", "--flash", "64kB", "--ram", "1kB")
    assert ended.code == 1
    assert "runs, but not within the limits" in ended.out
    assert "pass: digits-int8.tflite: --flash 64,000 bytes" in ended.out
    assert "FAIL: digits-int8.tflite: --ram 1,000 bytes" in ended.out
    assert "alive at the peak: INT8" in ended.out
    assert tfopt("check", int8, "--target", "edgetpu", "--flash", "64kB", "--json").report["runs"] is True


def test_a_keras_model_is_converted_to_what_the_target_takes():
    report = checked(SAMPLES / "digits-mlp.keras", "edgetpu")
    assert report.name == "digits-mlp-int8.tflite"
    assert {one.support for one in report.operations} == {"runs"}
    assert any("converted to a file of 8-bit integers" in note for note in report.notes)


def test_data_are_asked_for_where_something_is_calibrated_only(sample, tfopt):
    ended = tfopt("check", sample, "--target", "tflm", "--data", "digits")
    assert (ended.code, ended.out) == (2, "")
    assert "--data is of no use: tflm takes floats, which are not calibrated" in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "ethos-u55-127"), "--target ethos-u55-127 is not known: did you mean ethos-u55-128?"),
        (("--target", "toaster"), "there are litert, tflm, edgetpu"),
        (("--target", "none.yaml"), "none.yaml does not exist"),
        (("--target", "edgetpu", "--ram", "0"), "--ram 0 is out of range"),
        (("--target", "edgetpu", "--max-ms", "5"), "--max-ms cannot be held to: not known for this target"),
        (("--data", "digits"), "--data is of no use: digits-int8.tflite is converted already"),
    ],
)
def test_bad_input_is_one_sentence(int8, tfopt, arguments, words):
    ended = tfopt("check", int8, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (NET + "\ncolour: red", "line 6: a target has no colour"),
        (NET.replace("operators", "operations"), "a target needs operators"),
        (NET.replace("SOFTMAX", "SOFTMIN"), "line 5: there is no operation SOFTMIN"),
        (NET.replace("INT8", "INT9"), "line 4: there is no type INT9"),
        (NET + "\nflash: much", "line 6: flash much"),
        (NET.replace("name: board\n", ""), "a target needs name"),
        ("- 1", "is not a target"),
    ],
)
def test_a_mistake_in_the_file_of_a_target_is_told_with_its_line(tmp_path, text, words):
    (tmp_path / "board.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_target(tmp_path / "board.yaml")
    assert words in str(caught.value)


def test_a_target_of_ones_own_says_what_it_lacks_and_what_is_too_large(tmp_path, int8, floats):
    (tmp_path / "board.yaml").write_text(f"{NET}\nflash: 1kB\n")
    report = checked(int8, str(tmp_path / "board.yaml"))
    told = {one.kind: (one.support, one.reason) for one in report.operations}
    assert told["CONV_2D"] == ("no", "board has no CONV_2D")
    assert told["SOFTMAX"] == ("runs", "")
    assert [(gate.gate, gate.passed) for gate in report.gates] == [("flash", False)]
    free = checked(floats, str(tmp_path / "board.yaml"))
    assert all(one.reason == "its sizes are not fixed" and "`batch` 1" in one.fix for one in free.operations)


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(int8, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", missing)
    with pytest.raises(InputError, match=r"package tflite-micro: pip install 'tfopt\[mcu\]'"):
        checked(int8, "tflm")
    with pytest.raises(InputError, match=r"package ethos-u-vela: pip install 'tfopt\[mcu\]'"):
        checked(int8, "ethos-u85-128")


def test_a_crash_of_the_interpreter_is_one_sentence(int8, monkeypatch):
    def crash(*_, **__):
        raise ProcessError("its process was ended by SIGSEGV", -11)

    monkeypatch.setattr(micro, "run", crash)
    with pytest.raises(UnsupportedError, match=r"digits-int8\.tflite crashes the interpreter of TensorFlow Lite Micro"):
        checked(int8, "tflm")


def test_each_operation_is_a_file_of_its_own(int8):
    payload = TfliteArtifact.load(int8).model_bytes
    kinds = [one.kind for one in operations(payload)]
    found = list(single_operations(payload))
    assert [[one.kind for one in operations(single)] for single in found] == [[kind] for kind in kinds]
    for single in found:
        interpreter = Interpreter(model_content=single)
        interpreter.allocate_tensors()
        interpreter.invoke()
    assert sum(map(len, found)) < 3 * len(payload)


def test_what_a_loop_computes_with_is_not_said_of_the_operations_beside_it():
    model = keras.Sequential([keras.Input((6, 4)), layers.GRU(4), layers.Dense(2)])
    payload = convert(KerasArtifact.from_model(model, "m.keras"), Silent()).artifact.payload
    graphs = [len(read_model(single).subgraphs) for single in single_operations(payload)]
    loops = [one.kind == "WHILE" for one in operations(payload) if not one.in_loop]
    assert any(loops)
    assert [count > 1 for count in graphs] == loops


def test_a_tensor_lives_from_the_operation_that_makes_it_to_the_last_that_reads_it():
    inputs = keras.Input((10,))
    hidden = layers.Dense(20)(inputs)
    model = keras.Model(inputs, layers.Concatenate()([layers.Dense(5)(hidden), inputs]))
    found = lifetimes(convert(KerasArtifact.from_model(model, "m.keras"), Silent()).artifact.payload)
    assert [(life.shape[-1], life.birth, life.death) for life in found] == [
        (10, 0, 2),
        (20, 0, 1),
        (5, 1, 2),
        (15, 2, 3),
    ]
    assert bytes_alive(found).tolist() == [4 * (10 + 20), 4 * (10 + 20 + 5), 4 * (10 + 5 + 15), 4 * 15]


def test_the_smallest_arena_is_found_and_what_tells_most_is_told():
    assert smallest(lambda size: size >= 161, step=16, most=2**20) == 176
    lines = ["Didn't find op for builtin opcode 'CUMSUM'", "Failed to get registration from op code CUMSUM"]
    assert told([*lines, "TFLM failed to allocate tensors"]) == "TensorFlow Lite Micro has no kernel for CUMSUM"
    assert told(["tensorflow/lite/micro/x.cc:7 Type FLOAT16 not supported.", "Node CAST failed"]) == (
        "micro/x.cc:7 Type FLOAT16 not supported."
    )


def test_every_target_says_where_its_operations_come_from():
    for name in ("litert", "tflm", "ethos-u55-32", "ethos-u85-2048", "edgetpu"):
        target = find_target(name)
        assert target.name == name
        assert any(character.isdigit() for character in target.source())
