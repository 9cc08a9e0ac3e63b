"""Before a model is quantized: the layers that will be, told from the model alone, without converting it."""

from collections.abc import Set

import keras

from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.dense_lowering import pays_as_dense
from tfopt.graph.layer_names import named_layers
from tfopt.graph.replay import is_graph
from tfopt.report.inspection import Verdict
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import AS_THEY_COME
from tfopt.techniques.quantization.preparation import better_as_dense
from tfopt.techniques.quantization.widths import STORED, WIDER, Widths, plan_widths

CHOSEN = "of 8, 4 or 2 bits"  # within a budget, by errors that are measured when it is made
ACTIVATIONS = {"int8": "int8", "int16": "int16", "dynamic": AS_THEY_COME}


def planned_layers(artifact: KerasArtifact, config: QuantizeConfig, *, samples: bool) -> dict[str, Verdict]:
    """Say what will become of each layer of `artifact`; what the quantizer refuses shows only when it runs.

    `samples` says whether there are samples to round weights of few bits by.
    """
    folded = find_foldable(artifact.model) if is_graph(artifact.model) else {}
    widths = Widths()
    rounds = config.rounds and samples and is_graph(artifact.model)
    if rounds:
        wanted, _ = better_as_dense(config)
        widths = plan_widths(
            artifact.model, config.weights, config.precision, keep_ends=config.keep_first_last, as_dense=wanted
        )
    found = {}
    for name, layer in named_layers(artifact.model):
        stored = {STORED[levels] for (own, _), levels in widths.levels.items() if own == name}
        weights = _weights(stored, config) if rounds else config.weights
        quantized = _quantized(layer, config, weights)
        kernel = any(len(weight.shape) > 1 for weight in layer.weights)
        if name in folded:
            found[name] = Verdict(can=True, detail=f"folded into {folded[name]}")
        elif isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)):
            found[name] = Verdict(can=True, detail=f"{quantized}, or left in float32: only the conversion shows")
        elif isinstance(layer, keras.layers.Embedding) and not config.static:
            detail = "left in float32 by the quantizer, unless activations are calibrated"
            found[name] = Verdict(can=False, detail=detail)
        elif kernel or (config.static and isinstance(layer, keras.layers.LayerNormalization)):
            found[name] = Verdict(can=True, detail=quantized)
        elif layer.weights:
            found[name] = Verdict(can=False, detail="no kernel among its weights")
    return found


def _weights(stored: Set[int], config: QuantizeConfig) -> str:
    """Say how the kernels of a layer that are rounded are stored, or those that are not."""
    if not stored:
        return "int8"
    return CHOSEN if config.budgeted else "/".join(sorted(WIDER[bits] for bits in stored))


def _quantized(layer: keras.Layer, config: QuantizeConfig, weights: str) -> str:
    """Say how the kernel of a layer will be stored, and how it will compute."""
    if config.precision == "float16":
        return "weights float16, activations float32"
    activations = ACTIVATIONS.get(config.precision, "float32")
    dense = isinstance(layer, keras.layers.Dense) or pays_as_dense(layer)
    if isinstance(layer, keras.layers.Conv2D) and weights == "int2" and not config.static and not dense:
        activations = "float32"  # LiteRT has no kernel for 2-bit weights of a convolution: they are unpacked
    grain = "in blocks" if config.block and dense else "per-channel"
    return f"weights {weights} {grain}, activations {activations}"
