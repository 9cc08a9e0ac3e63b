"""Verdicts on a binarized model: bits a weight, speed, and whether int8 is the better choice.

A file is measured against the bits that a weight takes if nothing but the weights were stored.
"""

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

import keras

from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.report.changes import LatencyChange
from tfopt.report.schema import Measurement, Report
from tfopt.techniques.rounding.levels import BITS, Levels

FLOAT = 32


class Bits(NamedTuple):
    """Number of weights, of those that are binarized, and the least bits of all, with a scale for each channel."""

    weights: int
    binarized: int
    least: float


def bits_of(model: keras.Model, levels: Mapping[str, Levels]) -> Bits:
    """Count the weights of `model` whose layers have the kernels in `levels`; what is no such kernel has 32 bits."""
    weights = binarized = 0
    least = 0.0
    for name, layer in named_layers(model):
        own = {kernel.position: kernel for kernel in find_kernels(layer)} if name in levels else {}
        for position, weight in enumerate(layer.weights):
            size = prod(weight.shape)
            weights += size
            if position not in own:
                least += FLOAT * size
                continue
            values = "int8" if own[position].depthwise else levels[name]
            least += BITS[values] * size + FLOAT * prod(weight.shape[axis] for axis in own[position].axes)
            binarized += size if values != "int8" else 0
    return Bits(weights, binarized, least)


def verdicts(report: Report, bits: Bits) -> list[str]:
    """Sentences on bits a weight, on speed, and on whether int8 is the better choice.

    The measurements are those of the original and the binarized `.keras`, of the float and, if there is one, the int8
    `.tflite` of the original, and of the binarized `.tflite`.
    """
    _, small, _, *int8, file = report.measurements
    sentences = [_bits(small, file, bits)]
    speed = report.comparisons[-1].latency
    if speed and speed.verdict != "faster":
        sentences.append(
            f"binarization bought size but no speed on this machine: {speed.ratio:.2f} times the latency of the float"
            " file"
        )
    if int8 and _is_better(int8[0], file, report.comparisons[-2].latency, speed):
        sentences.append(
            f"{int8[0].name} is the better choice unless size decides: no less accurate, no slower, and"
            f" {int8[0].file_bytes:,} bytes against {file.file_bytes:,}"
        )
    return sentences


def _bits(small: Measurement, file: Measurement, bits: Bits) -> str:
    def each(count: int) -> str:
        return f"{8 * count / bits.weights:.2f}"

    return (
        f"bits a weight, of {bits.weights:,} weights of which {bits.binarized:,} are binarized: .keras"
        f" {each(small.file_bytes)} ({each(small.gzip_bytes)} zipped), .tflite {each(file.file_bytes)}"
        f" ({each(file.gzip_bytes)} zipped); {bits.least / bits.weights:.2f} if nothing but the weights were stored"
    )


def _is_better(int8: Measurement, file: Measurement, theirs: LatencyChange | None, ours: LatencyChange | None) -> bool:
    """Return whether the int8 file has at least as many right answers and is at least as fast."""
    if not (int8.accuracy and file.accuracy and ours and theirs):
        return False
    return int8.accuracy.correct >= file.accuracy.correct and theirs.ratio <= ours.ratio
