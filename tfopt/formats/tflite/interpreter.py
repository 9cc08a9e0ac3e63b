"""The interpreter of LiteRT: the details of what it takes and gives by name, and one inference.

Names are those of the signature of a file; a file without one has those of its tensors.
"""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfopt.errors import InputError
from tfopt.formats.artifact import Shape, Side
from tfopt.formats.tflite.integers import Detail, dequantize_values, quantize_values
from tfopt.report.ports import Port
from tfopt.typing import Array

SIDES: tuple[Side, Side] = ("input", "output")


def make_interpreter(payload: bytes, name: str, threads: int) -> Interpreter:
    """Load a file, ready to run; raise `InputError` if LiteRT cannot."""
    with explained(name):
        interpreter = Interpreter(model_content=payload, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what LiteRT raises while the context lasts into an `InputError` that names the file."""
    try:
        yield
    except (ValueError, RuntimeError, MemoryError) as error:
        raise InputError(f"{name} cannot be run by LiteRT: {' '.join(str(error).split())[:200]}") from error


class BoundInterpreter:
    """An interpreter with the details of its inputs and outputs by name, which take longer to ask for than a sample."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.inputs = details_by_name(interpreter, "input")
        self.outputs = details_by_name(interpreter, "output")
        self.shapes = {name: tuple(detail["shape"]) for name, detail in self.inputs.items()}

    def set(self, feeds: Mapping[str, Array]) -> None:
        """Set the inputs, resized to what they are given."""
        resized = [name for name, x in feeds.items() if self.shapes[name] != x.shape]
        for name in resized:
            self.interpreter.resize_tensor_input(self.inputs[name]["index"], feeds[name].shape)
            self.shapes[name] = feeds[name].shape
        if resized:
            self.interpreter.allocate_tensors()
        for name, x in feeds.items():
            self.interpreter.set_tensor(self.inputs[name]["index"], quantize_values(x, self.inputs[name]))

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Invoke it once from a fresh state: recurrent kernels keep theirs from one to the next otherwise."""
        self.set(feeds)
        self.interpreter.reset_all_variables()
        self.interpreter.invoke()
        return {
            name: dequantize_values(self.interpreter.get_tensor(detail["index"]), detail)
            for name, detail in self.outputs.items()
        }


def details_by_name(interpreter: Interpreter, which: Side) -> dict[str, Detail]:
    """Return the details of the inputs or outputs by name: in the signature, or without one those of the tensors."""
    details = details_of(interpreter, which)
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {detail["name"]: detail for detail in details}
    [key] = signatures
    runner = interpreter.get_signature_runner(key)
    named = runner.get_input_details() if which == "input" else runner.get_output_details()
    places = {detail["index"]: detail for detail in details}
    if other := next((name for name, detail in named.items() if detail["index"] not in places), None):
        raise ValueError(f"its signature calls {other} an {which}, which it is not")
    return {name: places[detail["index"]] for name, detail in named.items()}


def details_of(interpreter: Interpreter, which: Side) -> list[Detail]:
    """Return the details of the inputs or outputs in the order of the file."""
    found: list[Detail] = interpreter.get_input_details() if which == "input" else interpreter.get_output_details()
    return found


def port_of(name: str, detail: Detail) -> Port:
    """Return an input or output as reports have it."""
    scale, zero_point = detail["quantization"]
    numbers = {"scale": float(scale), "zero_point": int(zero_point)} if scale else {}
    return Port(name=name, shape=list(shape_of(detail)), dtype=np.dtype(detail["dtype"]).name, **numbers)


def shape_of(detail: Detail) -> Shape:
    """Return a shape, batch axis first; None where a size is free."""
    return tuple(None if size < 0 else int(size) for size in detail["shape_signature"])
