"""A structure is the model with fewer channels, repaired but not trained; its weights can then be stored in few bits.

For each the error at the output is measured without labels, alone and with any number of bits for each kernel, so that
the loss of every file that can be made of it is predicted before it is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfopt.core.context import Context
from tfopt.errors import UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.techniques.answer_errors import error_between
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.mixed_bits import MixedBits
from tfopt.techniques.quantization.preparation import measure_bits
from tfopt.techniques.quantization.widths import STORED
from tfopt.techniques.rounding.costs import MOST_SAMPLES

MEANS = tuple(np.arange(7.5, 1.75, -0.25).tolist())  # bits of a weight that are tried


@dataclass(frozen=True)
class Structure:
    """Holds a model with fewer channels.

    Attributes:
        share: Of the costs that are left.
        artifact: The model.
        error: That it brings to the output, against the model with all channels.
        bits: What bits of its kernels cost; None if they cannot be chosen.
        why_not: Why they cannot.
    """

    share: float
    artifact: KerasArtifact
    error: float
    bits: MixedBits | None
    why_not: str = ""

    def error_with(self, mean: float) -> float:
        """Return the error of the output if weights have so many bits on average."""
        if self.bits is None:
            return self.error
        widths = self.bits.of_mean(mean)
        return self.error + sum(self.bits.errors[place][levels] for place, levels in widths.levels.items())

    def weight_bytes(self, mean: float) -> float:
        """Return the bytes of all kernels with so many bits on average."""
        if self.bits is None:
            return float(self.artifact.parameter_counts()[0])
        return sum(self.bits.sizes.values()) * self.bits.mean_bits(self.bits.of_mean(mean)) / 8

    def means(self) -> Sequence[float]:
        """Return the means of bits that choose differently, most first; none if they cannot be chosen."""
        if self.bits is None:
            return []
        found: dict[tuple[str, ...], float] = {tuple("int8" for _ in self.bits.errors): 8.0}
        for mean in MEANS:
            found.setdefault(tuple(self.bits.of_mean(mean).levels.values()), mean)
        return list(found.values())[1:]

    def layer_bits(self, mean: float) -> dict[str, int]:
        """Return the bits of each layer by its name in the model, the most of its kernels."""
        if self.bits is None:
            return {}
        nested = {name.replace("/", "_"): name for name, _ in named_layers(self.artifact.model)}
        found: dict[str, int] = {}
        for (name, _), levels in self.bits.of_mean(mean).levels.items():
            own = nested.get(name, name)
            found[own] = max(found.get(own, 0), STORED[levels])
        return found


def make_structure(
    share: float, artifact: KerasArtifact, source: KerasArtifact, context: Context, *, few_bits: bool
) -> Structure:
    """Measure what a model with fewer channels loses, and what bits of its kernels cost.

    Args:
        share: Of the costs that are left.
        artifact: The model.
        source: The model with all channels.
        context: Gives the samples.
        few_bits: Whether weights may have fewer than 8 bits.
    """
    bits, why_not = None, ""
    if few_bits:
        try:
            bits = measure_bits(artifact, QuantizeConfig(bits_budget=8), context)
        except UnsupportedError as error:
            why_not = str(error)
    return Structure(share, artifact, _error(source, artifact, context), bits, why_not)


def _error(source: KerasArtifact, artifact: KerasArtifact, context: Context) -> float:
    assert context.data is not None
    if artifact is source:
        return 0.0
    samples = [np.asarray(x[:MOST_SAMPLES]) for x in context.data.calibration.inputs]
    return error_between(source.model, artifact.model, samples)
