"""Tensors of the main graph of a `.tflite` file are read while it runs."""

import contextlib
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfopt.formats.tflite.artifact import THREADS, TfliteArtifact
from tfopt.formats.tflite.integers import dequantize_values
from tfopt.formats.tflite.interpreter import BoundInterpreter
from tfopt.typing import Array


def watched_tensors(
    artifact: TfliteArtifact, names: Container[str], batches: Iterable[Mapping[str, Array]]
) -> Iterator[tuple[str, Array]]:
    """Yield the values of each tensor as floats, by its name, for each batch.

    Args:
        artifact: The model.
        names: The names of the tensors; one that holds no data, as an output that nobody uses, is left out.
        batches: An array (N, ...) for each input, by its name, of as many samples as the model takes at once.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Warning: Enabling `experimental_preserve_all_tensors`")
        interpreter = Interpreter(
            model_content=artifact.payload, num_threads=THREADS, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    bound = BoundInterpreter(interpreter)
    for feeds in batches:
        bound.run(feeds)
        details = {detail["name"]: detail for detail in interpreter.get_tensor_details() if detail["name"] in names}
        for name, detail in details.items():
            with contextlib.suppress(ValueError):
                yield name, np.atleast_1d(dequantize_values(interpreter.get_tensor(detail["index"]), detail))


def intermediate_tensors(
    artifact: TfliteArtifact, names: Container[str], feeds: Mapping[str, Array]
) -> dict[str, Array]:
    """Read tensors of the main graph.

    Args:
        artifact: The model.
        names: The names of the tensors.
        feeds: An array (N, ...) for each input, by its name.

    Returns:
        The values (N, ...) of each tensor as floats, by its name; a tensor that holds no data is left out.
    """
    sizes = {shape[0] for shape in artifact.input_shapes() if shape}
    count = len(next(iter(feeds.values())))
    batch = next((size for size in sizes if size), count)
    starts = range(0, count - batch + 1, batch)
    batches = ({name: x[start : start + batch] for name, x in feeds.items()} for start in starts)
    parts: dict[str, list[Array]] = {}
    for name, value in watched_tensors(artifact, names, batches):
        parts.setdefault(name, []).append(value)
    return {name: np.concatenate(values) for name, values in parts.items()}
