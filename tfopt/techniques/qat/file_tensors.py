"""The tensors of a file are found in the model by what they hold, whatever the converter has called them.

A constant belongs to a kernel if each of its output channels is a multiple of the integers that the kernel was rounded
to; the multiple is the step there, a normalization folded in. A tensor between operations belongs to a layer if it
holds the same numbers for the same samples.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import Constant, operations
from tfopt.formats.tflite.narrow_weights import Grid
from tfopt.formats.tflite.watching import intermediate_tensors
from tfopt.techniques.qat.learned_kernels import LearnedKernel
from tfopt.techniques.qat.step_sizes import LEAST
from tfopt.typing import Array

EXACT = 1e-5  # of the largest weight of a channel, by which a multiple may be missed
ALIKE = 1e-3  # of the largest number, by which two tensors that are the same may differ
OUTPUT_AXES = {  # of the operations whose output channels have steps of their own
    "CONV_2D": 0,
    "TRANSPOSE_CONV": 0,
    "FULLY_CONNECTED": 0,
    "DEPTHWISE_CONV_2D": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 0,
}


class KernelInFile(NamedTuple):
    """The layer whose kernel, or a part of it, a constant of a file holds, and the integers times steps that it is."""

    layer: str
    grid: Grid


def find_kernels_in_file(payload: bytes, kernels: Sequence[LearnedKernel]) -> dict[str, KernelInFile]:
    """Find the constants of a float file that hold rounded kernels.

    Args:
        payload: The bytes of the file, made of a model with rounded kernels.
        kernels: The kernels.

    Returns:
        What each such constant holds, by its name.
    """
    known = [(kernel, kernel.integers().T.astype(np.float64)) for kernel in kernels]
    found: dict[str, KernelInFile] = {}
    for operation in operations(payload):
        axis = OUTPUT_AXES.get(operation.kind)
        for constant in operation.constants:
            if constant.type == "FLOAT32" and len(constant.shape) > 1 and constant.name not in found:
                kernel = _match(constant, axis, known)
                if kernel:
                    found[constant.name] = kernel
    return found


def _match(
    constant: Constant, axis: int | None, known: Iterable[tuple[LearnedKernel, NDArray[np.float64]]]
) -> KernelInFile | None:
    values = constant.values.reshape(constant.shape).astype(np.float64)
    rows = np.moveaxis(values, axis or 0, 0).reshape(constant.shape[axis or 0], -1)
    for kernel, integers in known:
        for part in _parts(integers, rows.shape, whole=axis is None):
            steps = steps_of_multiples(rows.reshape(part.shape), part)
            if steps is not None:
                shape = [size if at == axis else 1 for at, size in enumerate(constant.shape)]
                return KernelInFile(kernel.layer, Grid(kernel.bits, steps.reshape(shape)))
    return None


def _parts(integers: Array, shape: tuple[int, ...], *, whole: bool) -> list[Array]:
    """Return what of a kernel (C, K) a constant of a shape (C, K) may hold: all, or of a recurrent one a gate alone.

    All is one row if the constant has one step alone.
    """
    if whole:
        return [integers.T.reshape(1, -1)] if integers.size == shape[0] * shape[1] else []
    if integers.shape[1] != shape[1] or len(integers) % shape[0]:
        return []
    return np.split(integers, len(integers) // shape[0])


def steps_of_multiples(values: Array, integers: Array) -> Array | None:
    """Find the step of each row with which integers are the values, whatever its sign.

    Args:
        values: Weights (C, K).
        integers: The integers (C, K) that they are to be multiples of.

    Returns:
        The steps (C,), above 0; None if the values are no multiples.

    Example:
        >>> steps_of_multiples(np.array([[0.5, -1.0], [-3.0, 0.0]]), np.array([[1, -2], [1, 0]]))
        array([0.5, 3. ])
    """
    power = np.sum(integers**2, axis=1)
    factors = np.sum(values * integers, axis=1) / np.maximum(power, 1)
    missed = np.abs(values - factors[:, np.newaxis] * integers).max(axis=1, initial=0)
    if np.any(missed > EXACT * np.abs(values).max(axis=1, initial=0)) or not np.any(factors):
        return None
    steps = np.abs(factors)
    return np.asarray(np.maximum(np.where(steps > 0, steps, steps.max()), LEAST))


def find_tensors_in_file(
    artifact: TfliteArtifact, feeds: Mapping[str, Array], wanted: Sequence[Array]
) -> list[list[str]]:
    """Find the tensors of a float file that hold the same numbers as those of the model.

    Args:
        artifact: The file.
        feeds: Samples, an array (N, ...) for each input by its name.
        wanted: The tensors of the model, of any shape, for the same samples.

    Returns:
        The names of the tensors that hold each of them.
    """
    names = {name for one in operations(artifact.payload) if not one.in_loop for name in (*one.inputs, *one.outputs)}
    held: dict[int, list[tuple[str, Array]]] = {}
    for name, values in intermediate_tensors(artifact, names, feeds).items():
        held.setdefault(values.size, []).append((name, values.ravel()))
    return [[name for name, values in held.get(one.size, []) if _same(values, one.ravel())] for one in wanted]


def _same(found: Array, wanted: Array) -> bool:
    largest = float(np.abs(wanted).max(initial=0))
    return bool(largest > 0 and np.abs(found - wanted).max(initial=0) <= ALIKE * largest)
