"""A plan says which layers are binarized, which are kept at 8 bits, and why the others stay float."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np

from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.kernels import Kernel, find_kernels, to_matrix
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.report.inspection import Verdict
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.packed_layer import Packed, fresh_copy
from tfopt.techniques.kernel_selection import excluded_by
from tfopt.techniques.rounding.levels import Levels

FEW = 2  # distinct magnitudes of a channel that was binarized: one, or zero and another
ENOUGH = 16  # input weights of a channel, for few magnitudes not to be chance


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


def plan(model: keras.Model, config: BinarizeConfig, title: str, names: Mapping[str, str] | None = None) -> Plan:
    """Decide for each layer of `model`, a flat copy; raise if it cannot be done or there is nothing to do.

    `names` has the names that the layers of nested models had, which is what `config.exclude` matches.
    """
    _refuse(model, title)
    excluded = excluded_by(config.exclude)
    with_kernels = [name for name, layer in named_layers(model) if find_kernels(layer)]
    ends = {with_kernels[0], with_kernels[-1]} if with_kernels and config.keep_first_last else set()
    result = Plan()
    for name, layer in named_layers(model):
        if not layer.weights:
            continue
        own = find_kernels(layer)
        if excluded and excluded.search((names or {}).get(name, name)):
            result.skipped[name] = f"excluded by {config.exclude!r}"
        elif not own:
            result.skipped[name] = f"no kernel among its weights ({', '.join(w.name for w in layer.weights)})"
        elif reason := _unable(name, layer, own, config):
            result.skipped[name] = reason
        elif name in ends:
            result.why_int8[name] = "first layer" if name == with_kernels[0] else "last layer"
        elif all(kernel.depthwise for kernel in own):
            result.why_int8[name] = "depthwise: few weights, each of which matters"
        else:
            result.levels[name] = config.mode
    if excluded and not any(reason.startswith("excluded") for reason in result.skipped.values()):
        raise InputError(f"`exclude` {config.exclude!r} matches no layer with weights")
    if not result.levels:
        raise UnsupportedError(
            f"{title} has nothing to binarize: no kernel but those of the first and the last layer, of depthwise,"
            " frozen and excluded layers; `keep_first_last` False takes the first and the last as well"
        )
    result.levels.update(dict.fromkeys(result.why_int8, "int8"))
    return result


def _unable(name: str, layer: keras.Layer, own: list[Kernel], config: BinarizeConfig) -> str | None:
    """Return why a layer with kernels cannot be binarized; None if it can."""
    if "/" in name:
        return f"inside of {name.split('/')[0]}, a model whose graph is not known"
    if not config.post_training and any(not layer.weights[kernel.position].trainable for kernel in own):
        return "frozen: it could not be trained; `post_training` rounds it"
    if fresh_copy(layer, layer.name) is None:
        return "its weights are made when it is called, so that it cannot be loaded packed"
    return None


def _refuse(model: keras.Model, title: str) -> None:
    for _, layer in named_layers(model):
        if isinstance(layer, Packed):
            raise InputError(f"{title} is binarized already; give the float model it was made from")
        for kernel in find_kernels(layer):
            weight = layer.weights[kernel.position]
            if weight.dtype != "float32":
                kind = "integer weights" if "int" in weight.dtype else f"weights of type {weight.dtype}"
                raise InputError(f"{title} holds {kind} in {layer.name}; give the float32 model it was made from")
    if all(_few_values(model)):
        raise InputError(f"{title} is binarized already; give the float model it was made from")


def _few_values(model: keras.Model) -> list[bool]:
    """Return whether its values are few, for each kernel with enough weights a channel but the first and the last."""
    found = []
    for _, layer in named_layers(model):
        for kernel in find_kernels(layer):
            matrix = np.abs(to_matrix(layer.weights[kernel.position].numpy(), kernel.axes))
            if len(matrix) >= ENOUGH and not kernel.depthwise:
                found.append(all(len(np.unique(channel)) <= FEW for channel in matrix.T[:8]))
    return found[1:-1] or found or [False]


def planned_layers(artifact: KerasArtifact, config: BinarizeConfig) -> dict[str, Verdict]:
    """Say what will become of each layer of `artifact`, by the name that it has there."""
    nested = {name.replace("/", "_"): name for name, _ in named_layers(artifact.model)}
    flat = rebuild(artifact.model, artifact.name)
    chosen = plan(flat, config, artifact.name, nested)
    folded = find_foldable(flat)
    able = dict.fromkeys(chosen.binarized, f"{config.mode}, and a scale a channel")
    able |= {name: f"8 bits: {why}" for name, why in chosen.why_int8.items()}
    able |= {name: f"folded into {nested.get(layer, layer)}" for name, layer in folded.items()}
    found = {name: Verdict(can=True, detail=detail) for name, detail in able.items()}
    found |= {name: Verdict(can=False, detail=why) for name, why in chosen.skipped.items() if name not in folded}
    return {nested.get(name, name): verdict for name, verdict in found.items()}
