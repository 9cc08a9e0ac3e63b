"""C source of a `.tflite` file for TensorFlow Lite Micro: an aligned constant array and its length, with a header."""

import re

ALIGNMENT = 16  # what the flatbuffer's longest vectors need; TensorFlow Lite Micro reads weights in place
PER_LINE = 12
C_SUFFIXES = (".c", ".h")


def c_array(payload: bytes, stem: str) -> tuple[str, str]:
    """Return the source and the header, to be written as `STEM.c` and `STEM.h`.

    Args:
        payload: The bytes of the `.tflite` file.
        stem: The name of both files without its ending; the names in C are made from it.

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
    name = re.sub(r"\W", "_", stem)
    name = f"model_{name}" if name[:1].isdigit() else name
    guard = f"{name.upper()}_H_"
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in payload[start : start + PER_LINE])
        for start in range(0, len(payload), PER_LINE)
    ]
    values = ",\n".join(lines)
    source = (
        f'#include "{stem}.h"\n\n'
        f"alignas({ALIGNMENT}) const unsigned char {name}[{len(payload)}] = {{\n{values}\n}};\n"
        f"const unsigned int {name}_len = {len(payload)};\n"
    )
    header = (
        f"#ifndef {guard}\n#define {guard}\n\n"
        "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"extern const unsigned char {name}[{len(payload)}];\nextern const unsigned int {name}_len;\n\n"
        "#ifdef __cplusplus\n}\n#endif\n\n"
        f"#endif  // {guard}\n"
    )
    return source, header
