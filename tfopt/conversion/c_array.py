"""C source of a `.tflite` file for TensorFlow Lite Micro: an aligned constant array and its length, with a header.

The header also defines the number of values of each input and output, and what integers in them stand for.
"""

import json
import re
from collections.abc import Iterator, Sequence
from math import prod

from tfopt.report.ports import Port, described

ALIGNMENT = 16  # what the flatbuffer's longest vectors need; TensorFlow Lite Micro reads weights in place
PER_LINE = 12
C_SUFFIXES = (".c", ".h", ".resolver.h", ".main.cc", ".cmake")


def c_array(
    payload: bytes,
    stem: str,
    inputs: Sequence[Port] = (),
    outputs: Sequence[Port] = (),
    labels: Sequence[str] = (),
) -> tuple[str, str]:
    """Return the source and the header, to be written as `STEM.c` and `STEM.h`.

    Args:
        payload: The bytes of the `.tflite` file.
        stem: The name of both files without its ending; the names in C are made from it.
        inputs: What the file takes, in its order.
        outputs: What it gives.
        labels: The names of the classes, if there are any.

    Example:
        >>> source, header = c_array(b"\\x1c\\x00", "my-model")
        >>> print(source)
        #include "my-model.h"
        <BLANKLINE>
        alignas(16) const unsigned char my_model[2] = {
          0x1c, 0x00
        };
        const unsigned int my_model_len = 2;
        <BLANKLINE>
    """
    name = named_in_c(stem)
    guard = f"{name.upper()}_H_"
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in payload[start : start + PER_LINE])
        for start in range(0, len(payload), PER_LINE)
    ]
    values = ",\n".join(lines)
    source = (
        f'#include "{stem}.h"\n\n'
        f"alignas({ALIGNMENT}) const unsigned char {name}[{len(payload)}] = {{\n{values}\n}};\n"
        f"const unsigned int {name}_len = {len(payload)};\n{_labels(name, labels)}"
    )
    declared = f"extern const char* const {name}_labels[{len(labels)}];\n" if labels else ""
    header = (
        f"#ifndef {guard}\n#define {guard}\n\n"
        "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"extern const unsigned char {name}[{len(payload)}];\nextern const unsigned int {name}_len;\n{declared}\n"
        f"{_defines(name.upper(), inputs, outputs)}"
        "#ifdef __cplusplus\n}\n#endif\n\n"
        f"#endif  // {guard}\n"
    )
    return source, header


def named_in_c(stem: str) -> str:
    """Return the name in C of what is written in files of this stem.

    >>> named_in_c("7-segments.v2")
    'model_7_segments_v2'
    """
    name = re.sub(r"\W", "_", stem)
    return f"model_{name}" if name[:1].isdigit() else name


def _labels(name: str, labels: Sequence[str]) -> str:
    if not labels:
        return ""
    texts = ", ".join(json.dumps(label, ensure_ascii=False) for label in labels)
    return f"const char* const {name}_labels[{len(labels)}] = {{{texts}}};\n"


def _defines(name: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> str:
    """Return a block for each port; a size that is free counts as 1, as the batch that the interpreter begins with."""
    sides = (("INPUT", inputs), ("OUTPUT", outputs))
    return "".join(
        "\n".join(_of_port(f"{name}_{side}_{number}", port)) + "\n\n"
        for side, ports in sides
        for number, port in enumerate(ports)
    )


def _of_port(name: str, port: Port) -> Iterator[str]:
    yield f"// {' '.join(described(port).split())}"
    yield f"#define {name}_SIZE {prod(size or 1 for size in port.shape)}"
    if port.scale is not None:
        number = f"{port.scale:.9g}"
        yield f"#define {name}_SCALE {number if re.search('[.e]', number) else f'{number}.0'}f"
        yield f"#define {name}_ZERO_POINT ({port.zero_point})"
