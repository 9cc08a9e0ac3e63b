"""The rest of a C++ project for TensorFlow Lite Micro around the array of a file (`c_array`).

A resolver with exactly the operations that the file needs, so that no other kernel is linked; the size of the arena; a
main program that answers one sample; and a fragment for CMake.
"""

from collections.abc import Sequence

from tfopt.conversion.c_array import c_array, named_in_c
from tfopt.errors import TfoptError
from tfopt.formats.artifact import Artifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.formats.tflite.lifetimes import bytes_alive, lifetimes
from tfopt.formats.tflite.micro import arena_bytes
from tfopt.report.ports import Port
from tfopt.runtime.progress import Progress

MARGIN = 1.1  # for kernels of other makers, such as CMSIS-NN, that ask for working memory
ALIGNED = 16
GUESS = 512  # bytes an operation, where nothing was measured
SPELLED = {  # methods of MicroMutableOpResolver that are not spelled as their operations
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
DATA = {
    "int8": "int8",
    "uint8": "uint8",
    "int16": "i16",
    "int32": "i32",
    "float32": "f",
}  # members of TfLiteTensor.data


def c_files(artifact: Artifact, stem: str, progress: Progress) -> list[bytes]:
    """Return what is written beside a `.tflite` file as `STEM.c` and so on, in the order of `C_SUFFIXES`.

    Args:
        artifact: The file, whose metadata are left out.
        stem: The name of the files without their ending.
        progress: Shows that the arena is measured.
    """
    assert isinstance(artifact, TfliteArtifact)
    inputs, outputs = artifact.ports("input"), artifact.ports("output")
    payload = artifact.model_bytes
    labels = artifact.provenance.class_names if artifact.provenance else None
    try:
        measured = arena_bytes(payload, artifact.name, progress)
    except TfoptError:  # the interpreter is not there, or crashes
        measured = None
    texts = (
        *c_array(payload, stem, inputs, outputs, labels or ()),
        resolver_header(payload, stem, measured),
        main_source(stem, inputs, outputs, labels or ()),
        cmake_fragment(stem),
    )
    return [text.encode() for text in texts]


def method_of(kind: str) -> str:
    """Return the method of a resolver that adds an operation.

    >>> method_of("DEPTHWISE_CONV_2D"), method_of("RELU6"), method_of("CUMSUM")
    ('AddDepthwiseConv2D', 'AddRelu6', 'AddCumSum')
    """
    return "Add" + SPELLED.get(
        kind, "".join(part[:1] + part[1:].lower() for part in kind.split("_")).replace("2d", "2D")
    )


def arena_lines(payload: bytes, measured: int | None) -> tuple[int, str]:
    """Return the size of the arena, and a comment on how it is known.

    Args:
        payload: The bytes of the file.
        measured: The smallest that suffices on a core of 64 bits; None if that is not known.
    """
    if measured is not None:
        size, share = measured * MARGIN, f"{MARGIN - 1:.0%}"
        how = f"{measured} bytes suffice for plain kernels on a core of 64 bits, and {share} are added for others"
    else:
        size = float(bytes_alive(lifetimes(payload)).max() + GUESS * len(operations(payload)))
        how = "a guess: it was not measured, as the package tflite-micro was not there (pip install 'tfopt[mcu]')"
    return -(-int(size) // ALIGNED) * ALIGNED, how


def resolver_header(payload: bytes, stem: str, measured: int | None) -> str:
    """Return the header with the resolver and the size of the arena, to be written as `STEM.resolver.h`.

    Args:
        payload: The bytes of the file.
        stem: The name of the files without their ending.
        measured: The smallest arena; None if it is not known.
    """
    name = named_in_c(stem)
    methods = sorted({method_of(one.kind) for one in operations(payload) if one.kind != "CUSTOM"})
    size, how = arena_lines(payload, measured)
    calls = "\n".join(f"  if (resolver.{method}() != kTfLiteOk) return kTfLiteError;" for method in methods)
    return f"""#ifndef {name.upper()}_RESOLVER_H_
#define {name.upper()}_RESOLVER_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

// {how}
constexpr int k_{name}_arena_size = {size};

using {name}_resolver = tflite::MicroMutableOpResolver<{len(methods)}>;

inline TfLiteStatus {name}_add_operations({name}_resolver& resolver) {{
{calls}
  return kTfLiteOk;
}}

#endif  // {name.upper()}_RESOLVER_H_
"""


def main_source(stem: str, inputs: Sequence[Port], outputs: Sequence[Port], labels: Sequence[str]) -> str:
    """Return a program that answers one sample of zeros, to be written as `STEM.main.cc`.

    Args:
        stem: The name of the files without their ending.
        inputs: What the file takes, in its order.
        outputs: What it gives.
        labels: The names of the classes, if there are any.
    """
    name = named_in_c(stem)
    given = "\n".join(_filled(name, number, port) for number, port in enumerate(inputs))
    return f"""// Answers a sample with the model in {stem}.c by TensorFlow Lite Micro: put yours in place of the zeros.
#include <cstdint>
#include <cstdio>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "{stem}.h"
#include "{stem}.resolver.h"

alignas({ALIGNED}) static uint8_t arena[k_{name}_arena_size];

int main() {{
  static {name}_resolver resolver;
  if ({name}_add_operations(resolver) != kTfLiteOk) return 1;
  static tflite::MicroInterpreter interpreter(tflite::GetModel({name}), resolver, arena, sizeof(arena));
  if (interpreter.AllocateTensors() != kTfLiteOk) return 2;
{given}
  if (interpreter.Invoke() != kTfLiteOk) return 3;
{_printed(name, outputs[0], labels)}
  return 0;
}}
"""


def _filled(name: str, number: int, port: Port) -> str:
    size = f"{name.upper()}_INPUT_{number}_SIZE"
    zero = f"{name.upper()}_INPUT_{number}_ZERO_POINT" if port.scale is not None else "0"
    member = DATA.get(port.dtype or "", "raw")
    return f"  for (int i = 0; i < {size}; ++i) interpreter.input({number})->data.{member}[i] = {zero};"


def _printed(name: str, port: Port, labels: Sequence[str]) -> str:
    """Print the class with the largest score where there are names for them, or the numbers."""
    values, size = f"interpreter.output(0)->data.{DATA.get(port.dtype or '', 'raw')}", f"{name.upper()}_OUTPUT_0_SIZE"
    if labels:
        return f"""  int best = 0;
  for (int i = 1; i < {size}; ++i) {{
    if ({values}[i] > {values}[best]) best = i;
  }}
  std::printf("%s\\n", {name}_labels[best]);"""
    number = f"static_cast<double>({values}[i])"
    if port.scale is not None:
        number = (
            f"({values}[i] - {name.upper()}_OUTPUT_0_ZERO_POINT) * static_cast<double>({name.upper()}_OUTPUT_0_SCALE)"
        )
    return f'  for (int i = 0; i < {size}; ++i) std::printf("%g\\n", {number});'


def cmake_fragment(stem: str) -> str:
    """Return what builds the program with CMake, to be written as `STEM.cmake`."""
    name = named_in_c(stem)
    return f"""# include({stem}.cmake) in a project that has the library `tflm` of TensorFlow Lite Micro.
add_executable({name} ${{CMAKE_CURRENT_LIST_DIR}}/{stem}.main.cc ${{CMAKE_CURRENT_LIST_DIR}}/{stem}.c)
target_compile_features({name} PRIVATE cxx_std_17 c_std_11)
target_link_libraries({name} PRIVATE tflm)
"""
