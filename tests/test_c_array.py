"""The C array is what gcc reads it as: the same bytes, aligned, from C and from C++."""

import shutil
import subprocess

import pytest

from tfopt.conversion.c_array import c_array
from tfopt.formats.tflite.metadata import without_metadata

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


def test_quantize_writes_the_array_beside_the_file(tfopt, sample):
    ended = tfopt("quantize", sample, "--dynamic", "--emit", "c", "-o", "m.tflite")
    assert ended.code == 0, ended.err
    payload = without_metadata((sample.parent / "m.tflite").read_bytes())
    assert f"m[{len(payload)}]" in (sample.parent / "m.h").read_text()
    assert (sample.parent / "m.c").read_text().count("0x") == len(payload)
    again = tfopt("quantize", sample, "--dynamic", "--emit", "c", "-o", "m.tflite")
    assert (again.code, "exists" in again.err) == (2, True)
