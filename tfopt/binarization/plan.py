"""Which layers are binarized, which are kept at 8 bits, and why the others stay float."""

from dataclasses import dataclass, field

import keras
import numpy as np

from tfopt.binarization.kernels import as_matrix, kernels
from tfopt.binarization.packed import Packed
from tfopt.binarization.rounding import Levels
from tfopt.config import BinarizeConfig
from tfopt.errors import InputError, UnsupportedError
from tfopt.graphs.leaves import leaves
from tfopt.pruning.targets import excluded_by

FEW = 3  # distinct magnitudes of a channel that was binarized: one, or with zeros two, and a little rounding


@dataclass
class Plan:
    """Values of the kernels of each layer by its name, why some have 8 bits, and why others stay float."""

    levels: dict[str, Levels] = field(default_factory=dict)
    why_int8: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def binarized(self) -> list[str]:
        """The layers with few values."""
        return [name for name, levels in self.levels.items() if levels != "int8"]


def plan(model: keras.Model, config: BinarizeConfig, title: str) -> Plan:
    """Decide for each layer of `model`; raise if it cannot be done or there is nothing to do."""
    _refuse(model, title)
    excluded = excluded_by(config.exclude)
    with_kernels = [name for name, layer in leaves(model) if kernels(layer)]
    ends = {with_kernels[0], with_kernels[-1]} if with_kernels and config.keep_first_last else set()
    result = Plan()
    for name, layer in leaves(model):
        if not layer.weights:
            continue
        own = kernels(layer)
        if excluded and excluded.search(name):
            result.skipped[name] = f"excluded by {config.exclude!r}"
        elif not own:
            result.skipped[name] = f"no kernel among its weights ({', '.join(w.name for w in layer.weights)})"
        elif name in ends:
            result.why_int8[name] = "first layer" if name == with_kernels[0] else "last layer"
        elif all(kernel.depthwise for kernel in own):
            result.why_int8[name] = "depthwise: few weights, each of which matters"
        else:
            result.levels[name] = config.mode
    if excluded and not any(reason.startswith("excluded") for reason in result.skipped.values()):
        raise InputError(f"--exclude {config.exclude!r} matches no layer with weights")
    if not result.levels:
        raise UnsupportedError(
            f"{title} has nothing to binarize: no kernel but those of the first and the last layer, of depthwise and of"
            " excluded layers; --all-layers takes the first and the last as well"
        )
    result.levels.update(dict.fromkeys(result.why_int8, "int8"))
    return result


def _refuse(model: keras.Model, title: str) -> None:
    weights = [layer.weights[kernel.position] for _, layer in leaves(model) for kernel in kernels(layer)]
    if any(weight.dtype.startswith(("int", "uint")) for weight in weights):
        raise InputError(f"{title} holds integer weights, quantized by Keras; give the float model it was made from")
    packed = any(isinstance(layer, Packed) for _, layer in leaves(model))
    if packed or (weights and all(_few_values(model))):
        raise InputError(f"{title} is binarized already; give the float model it was made from")


def _few_values(model: keras.Model) -> list[bool]:
    """Whether its values are few, for each kernel with more than a few weights a channel but the first and last."""
    found = []
    for _, layer in leaves(model):
        for kernel in kernels(layer):
            matrix = np.abs(as_matrix(layer.weights[kernel.position].numpy(), kernel.axes))
            if len(matrix) > 2 * FEW and not kernel.depthwise:
                found.append(all(len(np.unique(channel)) <= FEW for channel in matrix.T[:8]))
    return found[1:-1] or found or [False]
