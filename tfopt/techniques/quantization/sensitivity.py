"""Layers suffer from quantization unequally: the worst stay in float until a budget of accuracy holds.

A layer is blamed for the noise that it adds to what it is given: the noise-to-signal ratio of its output, averaged over
the channels, in the quantized file against the float one, less that of its inputs. A layer behind a bad one has a bad
output too, but adds little.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from tfopt.evaluation.evaluator import Reference
from tfopt.evaluation.limits import Limit
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import Operation, operations
from tfopt.formats.tflite.watching import intermediate_tensors
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import LayerError
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.layer_changes import owners
from tfopt.typing import Array

SAMPLES = 32  # enough to rank the layers by


class LayerOperations(NamedTuple):
    """A layer, or an operation that belongs to none, with its operations; `name` is as in Keras."""

    name: str
    kind: str
    operations: list[Operation]

    @property
    def ids(self) -> list[str]:
        """Return how a recipe names the operations: by their first outputs."""
        return [operation.outputs[0] for operation in self.operations]


def layers_of(model: keras.Model, source: TfliteArtifact) -> list[LayerOperations]:
    """Return the layers of a file with their operations, each once; a layer with a kernel comes before one without."""
    kinds = {name: type(layer).__name__ for name, layer in named_layers(model)}
    heavy = {name for name, layer in named_layers(model) if any(len(weight.shape) > 1 for weight in layer.weights)}
    owned = owners(model, source.payload)
    owner: dict[str, str] = {}
    for name in sorted(kinds, key=lambda name: name not in heavy):  # in the order of the model otherwise
        for operation in owned.get(name, []):
            if not operation.in_loop:
                owner.setdefault(operation.outputs[0], name)
    groups: dict[str, list[Operation]] = {}
    for operation in operations(source.payload):
        if operation.outputs and not operation.in_loop:
            groups.setdefault(owner.get(operation.outputs[0], operation.kind.lower()), []).append(operation)
    return [LayerOperations(name, kinds.get(name, "operation"), found) for name, found in groups.items()]


def layer_errors(
    found: Sequence[LayerOperations], source: TfliteArtifact, quantized: TfliteArtifact, feeds: Mapping[str, Array]
) -> list[LayerError]:
    """The noise each layer adds when the whole is quantized, worst first, on the few samples of `feeds`."""
    names = _with_values(operations(source.payload))
    before, after = intermediate_tensors(source, names, feeds), intermediate_tensors(quantized, names, feeds)
    noise = {
        name: noise_to_signal(before[name], after[name])
        for name in before.keys() & after.keys()
        if before[name].shape == after[name].shape
    }
    errors = []
    for layer in found:
        own = {name for operation in layer.operations for name in operation.outputs}
        given = {name for operation in layer.operations for name in operation.inputs} - own
        out = max((noise[name] for name in own if name in noise), default=0.0)
        brought = max(0.0, out - max((noise[name] for name in given if name in noise), default=0.0))
        last = next((n for operation in reversed(layer.operations) for n in operation.outputs if n in noise), None)
        errors.append(
            LayerError(
                layer=layer.name,
                kind=layer.kind,
                added_noise=brought,
                snr_db=snr(before[last], after[last]) if last else None,
                cosine=cosine(before[last], after[last]) if last else None,
            )
        )
    return sorted(errors, key=lambda error: -error.added_noise)


def _with_values(found: Sequence[Operation]) -> set[str]:
    """Outputs of the operations outside of loops; of those of a loop itself what nobody reads holds no values."""
    read = {name for operation in found for name in operation.inputs}
    return {
        name
        for operation in found
        if not operation.in_loop
        for name in operation.outputs
        if operation.kind != "WHILE" or name in read
    }


def noise_to_signal(before: Array, after: Array) -> float:
    """Mean over the channels, the last axis, of min(1, power of the difference / power of `before`)."""
    channels = before.reshape(-1, before.shape[-1]) if before.ndim > 1 else before.reshape(-1, 1)
    difference = after.reshape(channels.shape) - channels
    signal = np.mean(channels**2, axis=0)
    live = signal > 1e-12
    if not live.any():
        return 0.0
    noise = np.mean(difference**2, axis=0)[live] / signal[live]
    return float(np.mean(np.minimum(1.0, np.nan_to_num(noise, nan=1.0))))


def snr(before: Array, after: Array) -> float:
    """Signal-to-noise ratio in dB over the whole tensor: 10 log10(sum before^2 / sum (after - before)^2)."""
    noise = float(np.sum((after - before) ** 2))
    return float(10 * np.log10(max(float(np.sum(before**2)), 1e-30) / max(noise, 1e-30)))


def cosine(before: Array, after: Array) -> float:
    """Cosine of the angle between two tensors."""
    norms = float(np.linalg.norm(before) * np.linalg.norm(after))
    return float(np.sum(before * after) / norms) if norms else 1.0


def all_but_each(found: Sequence[LayerOperations], names: Iterable[str]) -> list[list[LayerOperations]]:
    """For each of `names` the layers that are spared when only that one is quantized."""
    return [[other for other in found if other.name != name] for name in names]


@dataclass(frozen=True)
class Budget:
    """Holds what may be spared, and the most that may be lost.

    Attributes:
        layers: The layers that may be spared.
        source: The float file.
        make: Makes the file in which some of them are spared: they stay in float, or get 8 bits if others have fewer.
        reference: Judges files.
        limit: The most that may be lost.
        how: What spared layers are kept in.
    """

    layers: Sequence[LayerOperations]
    source: TfliteArtifact
    make: Callable[[Sequence[LayerOperations], Progress], TfliteArtifact]
    reference: Reference
    limit: Limit
    how: str

    def at_stake(self, artifact: TfliteArtifact) -> float:
        """Return what a file loses, as it is held to the limit."""
        return self.limit.at_stake(self.reference.worsening(artifact, self.limit.level))


def spare_layers(budget: Budget, quantized: TfliteArtifact, progress: Progress) -> tuple[TfliteArtifact, list[str]]:
    """Spare one more layer, always the one that adds most noise, until at most the budget is lost; then give back.

    Returns the file in which no spared layer can be given up again, or the best one if the budget cannot be held, and
    a note on what was spared.
    """
    reference, most = budget.reference, budget.limit.most
    found = budget.layers
    kept: list[LayerOperations] = []
    tried = [(budget.at_stake(quantized), quantized, kept)]
    with progress.task("sparing the worst layers", len(found)) as advance:
        while len(kept) < len(found) and tried[-1][0] > most:
            left = [layer for layer in found if layer not in kept]
            worst = layer_errors(left, budget.source, tried[-1][1], reference.sample(SAMPLES))[0].layer
            kept = [*kept, next(layer for layer in left if layer.name == worst)]
            advance(1, worst)
            artifact = budget.make(kept, progress)
            tried.append((budget.at_stake(artifact), artifact, kept))
    drop, best, kept = min(tried, key=lambda one: (max(one[0], most), len(one[2])))
    if drop <= most:
        best, kept = _give_back(budget, best, kept, progress)
    if not kept:
        return best, ["sparing the worst layers did not help"]
    names = ", ".join(layer.name for layer in kept)
    return best, [f"kept in {budget.how} to lose at most {budget.limit.shown}: {names}"]


def _give_back(
    budget: Budget, best: TfliteArtifact, kept: list[LayerOperations], progress: Progress
) -> tuple[TfliteArtifact, list[LayerOperations]]:
    """Quantize again, from the least bad on, each layer without which the budget still holds."""
    with progress.task("giving layers back", len(kept)) as advance:
        for layer in reversed(kept):
            advance(1, layer.name)
            fewer = [other for other in kept if other is not layer]
            artifact = budget.make(fewer, progress) if fewer else None
            if (
                artifact
                and budget.at_stake(artifact) <= budget.limit.most
                and len(artifact.payload) < len(best.payload)
            ):
                best, kept = artifact, fewer
    return best, kept
