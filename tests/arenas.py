"""An arena of TensorFlow Lite Micro suffices or not."""

from tflite_micro.python.tflite_micro import runtime


def allocates(payload, size):
    """Tell whether a file runs in an arena of so many bytes; the interpreter may crash in one that is too small."""
    try:
        runtime.Interpreter.from_bytes(payload, arena_size=size).invoke()
    except RuntimeError:
        return False
    return True
