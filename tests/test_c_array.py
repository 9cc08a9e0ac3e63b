"""The C array is what gcc reads it as: the same bytes, aligned, from C and from C++."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tflite_micro.python.tflite_micro import runtime

import tfopt as library
from tests.arenas import allocates
from tests.conftest import SAMPLES
from tfopt.conversion.c_array import C_SUFFIXES, c_array
from tfopt.conversion.c_project import arena_lines, c_files, main_source, method_of
from tfopt.formats.tflite.graph import operations
from tfopt.formats.tflite.metadata import without_metadata
from tfopt.runtime.fork import holds
from tfopt.runtime.progress import Silent

MAIN = """
#include <stdint.h>
#include <stdio.h>
#include "my-model.h"
int main(void) {
  if ((uintptr_t)my_model % 16) return 1;
  return fwrite(my_model, 1, my_model_len, stdout) != my_model_len;
}
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
@pytest.mark.parametrize(("main", "compiler"), [("main.c", "gcc"), ("main.cpp", "g++")])
def test_a_compiled_array_has_the_bytes_of_the_file(tmp_path, main, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler}")
    payload = bytes(range(256)) * 3
    source, header = c_array(payload, "my-model")
    (tmp_path / "my-model.c").write_text(source)
    (tmp_path / "my-model.h").write_text(header)
    (tmp_path / main).write_text(MAIN)
    flags = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-std=c11", "-c", "my-model.c", "-o", "model.o"], cwd=tmp_path, check=True)
    subprocess.run([compiler, *flags, main, "model.o", "-o", "main"], cwd=tmp_path, check=True)
    assert subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout == payload


STUB = Path(__file__).parent / "tflm_stub"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    config = library.QuantizeConfig(io="int8", batch=1)
    artifact = library.quantize(SAMPLES / "digits-cnn.keras", config, name="m.tflite").artifact
    for suffix, payload in zip(C_SUFFIXES, c_files(artifact, "m", Silent()), strict=True):
        (folder / f"m{suffix}").write_bytes(payload)
    return folder, artifact


def test_quantize_writes_the_project_beside_the_file(tfopt, sample):
    ended = tfopt("quantize", sample, "--dynamic", "--emit", "c", "-o", "m.tflite")
    assert ended.code == 0, ended.err
    payload = without_metadata((sample.parent / "m.tflite").read_bytes())
    assert f"m[{len(payload)}]" in (sample.parent / "m.h").read_text()
    assert (sample.parent / "m.c").read_text().count("0x") == len(payload)
    assert all((sample.parent / f"m{suffix}").exists() for suffix in C_SUFFIXES)
    again = tfopt("quantize", sample, "--dynamic", "--emit", "c", "-o", "m.tflite")
    assert (again.code, "exists" in again.err) == (2, True)


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")
@pytest.mark.parametrize("labels", [(), tuple("abcdefghij")])
def test_the_program_compiles_against_the_api_and_prints_numbers_or_the_name_of_the_class(project, tmp_path, labels):
    folder, artifact = project
    for suffix in C_SUFFIXES:
        shutil.copy(folder / f"m{suffix}", tmp_path)
    ports = artifact.ports("input"), artifact.ports("output")
    for suffix, text in zip(C_SUFFIXES, c_array(artifact.model_bytes, "m", *ports, labels), strict=False):
        (tmp_path / f"m{suffix}").write_text(text)
    (tmp_path / "m.main.cc").write_text(main_source("m", *ports, labels))
    flags = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run(["gcc", *flags, "-std=c11", "-c", "m.c", "-o", "m.o"], cwd=tmp_path, check=True)
    program = ["g++", *flags, "-std=c++17", f"-I{STUB}", "m.main.cc", "m.o", "-o", "main"]
    subprocess.run(program, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, check=True, text=True).stdout.split()
    assert printed == (["d"] if labels else ["0.5"] * 3 + ["0.511719"] + ["0.5"] * 6)  # 3 steps of 1/256 from 0.5


def test_the_resolver_has_the_operations_of_the_file_and_no_others(project):
    folder, artifact = project
    kinds = {one.kind for one in operations(artifact.payload)}
    header = (folder / "m.resolver.h").read_text()
    assert sorted(re.findall(r"resolver\.(\w+)\(\)", header)) == sorted(map(method_of, kinds))
    assert f"MicroMutableOpResolver<{len(kinds)}>" in header


def test_the_arena_of_the_project_suffices_and_is_little_more_than_needed(project):
    folder, artifact = project
    [size] = re.findall(r"arena_size = (\d+);", (folder / "m.resolver.h").read_text())
    assert holds(lambda: allocates(artifact.model_bytes, int(size)))
    assert not holds(lambda: allocates(artifact.model_bytes, int(int(size) * 0.85)))


def test_without_the_interpreter_the_arena_is_called_a_guess(project):
    _, artifact = project
    size, how = arena_lines(artifact.model_bytes, None)
    assert how.startswith("a guess")
    runtime.Interpreter.from_bytes(artifact.model_bytes, arena_size=size).invoke()


def test_labels_with_quotes_are_c_strings():
    source, header = c_array(b"x", "m", labels=['a "b"', "c"])
    assert 'm_labels[2] = {"a \\"b\\"", "c"};' in source
    assert "extern const char* const m_labels[2];" in header
