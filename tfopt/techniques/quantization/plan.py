"""Before a model is quantized: the layers that will be, told from the model alone, without converting it."""

import keras

from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.layer_names import named_layers
from tfopt.graph.replay import is_graph
from tfopt.report.inspection import Verdict
from tfopt.techniques.quantization.config import QuantizeConfig

ACTIVATIONS = {
    "int8": "int8",
    "int16": "int16",
    "dynamic": "float32 (scaled to integers as they come)",
    "float16": "float32",
}


def planned_layers(artifact: KerasArtifact, config: QuantizeConfig) -> dict[str, Verdict]:
    """Say what will become of each layer of `artifact`; what the quantizer refuses shows only when it runs."""
    folded = find_foldable(artifact.model) if is_graph(artifact.model) else {}
    weights = "float16" if config.precision == "float16" else config.weights
    quantized = f"weights {weights}, activations {ACTIVATIONS.get(config.precision, 'float32')}"
    found = {}
    for name, layer in named_layers(artifact.model):
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
