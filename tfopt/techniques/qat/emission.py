"""A trained model becomes a `.tflite` file with the very integers and ranges that training has seen.

The model with rounded kernels is converted to a float file. LiteRT Quantizer makes integers of it with steps and ranges
that are handed to it, by the names of the tensors that hold them: it calibrates only what training did not see, such as
tensors inside of attention. Weights of fewer than 8 bits are stored narrow then, which changes no answer.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfopt.conversion.convert import FloatFile, convert
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.narrow_weights import Grid, narrow_weights
from tfopt.graph.batch_norm_folding import find_foldable, fold_batch_norms
from tfopt.graph.replay import is_graph
from tfopt.runtime.progress import Progress
from tfopt.techniques.qat.activation_rounding import tensors_at
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.file_tensors import find_kernels_in_file, find_tensors_in_file
from tfopt.techniques.qat.step_sizes import largest_integer
from tfopt.techniques.qat.training import Trained
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.quantizer_process import KnownRange
from tfopt.typing import Array

COMPARED = 4  # samples by which tensors are recognized
MOST = largest_integer(8)


class Emitted(NamedTuple):
    """A file, and what it was made from.

    Attributes:
        file: The file of integers.
        source: The float file, of a model without the normalizations that were folded.
        folded: These normalizations, each with the layer that took it.
        exact: The layers whose integers in the file are the trained ones.
        notes: Sentences for the report.
    """

    file: TfliteArtifact
    source: FloatFile
    folded: dict[str, str]
    exact: set[str]
    notes: list[str]


def emit_file(trained: Trained, name: str, samples: Sequence[Array], config: QatConfig, progress: Progress) -> Emitted:
    """Write a trained model as a file of integers.

    Args:
        trained: The model, with its integers, steps and ranges.
        name: The name of the model's file.
        samples: Calibration samples, an array (N, ...) for each input.
        config: How the file is to take and give numbers.
        progress: Shows the stages.

    Raises:
        ConversionError: If it cannot be converted or quantized.
    """
    plain, folded = trained.model, dict[str, str]()
    if is_graph(plain) and find_foldable(plain):  # a layer may refuse the configuration by which it is copied
        plain, folded = fold_batch_norms(plain, name)
    few = [array[:COMPARED] for array in samples]
    made = convert(KerasArtifact.from_model(plain, name), progress, config, calibration=few)
    feeds = dict(zip(made.inputs, samples, strict=True))
    found = find_kernels_in_file(made.artifact.payload, trained.kernels)
    grids = {tensor: kernel.grid for tensor, kernel in found.items()}
    known = {tensor: _range(grid) for tensor, grid in grids.items()}
    ranges, unseen = _ranges(trained, made.artifact, feeds)
    wanted = QuantizeConfig(io=config.io, batch=config.batch, length=config.length)
    [wide] = quantize_files(made.artifact, wanted, feeds, progress, known=known | ranges)
    payload = narrow_weights(wide.payload, grids)
    file = TfliteArtifact(f"{name}-qat.tflite", payload, order=wide.order, probabilities=wide.probabilities)
    exact = {kernel.layer for kernel in found.values()}
    notes = _notes(trained, exact, unseen)
    return Emitted(file, made, folded, exact, notes)


def _range(grid: Grid) -> KnownRange:
    """Return the range whose 8-bit integers have the steps of a kernel, and so are its integers."""
    limit = (MOST * grid.steps).astype(np.float32)
    return -limit, limit


def _ranges(
    trained: Trained, artifact: TfliteArtifact, feeds: Mapping[str, Array]
) -> tuple[dict[str, KnownRange], int]:
    """Return the trained ranges of the tensors of a file by their names, and how many are not in it."""
    places = list(trained.ranges)
    few = {name: samples[:COMPARED] for name, samples in feeds.items()}
    held = tensors_at(trained.model, places, [tf.constant(samples) for samples in few.values()]) if places else {}
    names = find_tensors_in_file(artifact, few, [np.asarray(held[place]) for place in places])
    found: dict[str, KnownRange] = {}
    for place, tensors in zip(places, names, strict=True):
        low, high = trained.ranges[place]
        found |= {tensor: (np.array(low, np.float32), np.array(high, np.float32)) for tensor in tensors}
    return found, sum(not tensors for tensors in names)


def _notes(trained: Trained, exact: set[str], unseen: int) -> list[str]:
    notes = []
    lost = sorted({kernel.layer for kernel in trained.kernels} - exact)
    if lost:
        notes.append(f"rounded anew by the quantizer, as their kernels are not in the file as such: {', '.join(lost)}")
    if unseen:
        notes.append(f"{unseen} of {len(trained.ranges)} ranges that were trained are of no tensor in the file")
    return notes
