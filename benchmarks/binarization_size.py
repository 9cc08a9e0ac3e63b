"""Size and speed of binarized networks against their float files: a dense one and ResNet50, untrained, all layers.

Weights are rounded to their signs, which says nothing of accuracy and all of size and speed.
"""

import sys

import keras
import numpy as np
from keras import layers

from tfopt.conversion.convert import convert
from tfopt.evaluation.latency import interleaved
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.kernels import find_kernels, update_kernel
from tfopt.graph.layer_names import named_layers
from tfopt.runtime.progress import Silent
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import plan
from tfopt.techniques.binarization.low_bit_file import low_bit_file
from tfopt.techniques.binarization.packed_layer import packed
from tfopt.techniques.rounding.scales import nearest


def main() -> int:
    for name, model in (("784-1024-1024-10", _dense()), ("ResNet50", keras.applications.ResNet50(weights=None))):
        print(f"{name}: {_figures(model)}", flush=True)
    return 0


def _dense() -> keras.Model:
    inputs = keras.Input((784,))
    x = layers.Dense(1024, activation="relu")(layers.Dense(1024, activation="relu")(inputs))
    return keras.Model(inputs, layers.Dense(10)(x))


def _figures(model: keras.Model) -> str:
    copy, _ = fold_batch_norms(model, model.name)
    levels = plan(copy, BinarizeConfig(keep_first_last=False), model.name).levels
    for name, layer in named_layers(copy):
        for kernel in find_kernels(layer) if name in levels else ():
            update_kernel(layer, kernel, lambda matrix, name=name: nearest(matrix, levels[name]))
    x = np.random.default_rng(0).normal(size=(2, *model.input.shape[1:])).astype("float32")
    original = KerasArtifact.from_model(model, "float.keras")
    small = KerasArtifact.from_model(packed(copy, levels, model.name), "binary.keras", deflated=True)
    before = convert(original, Silent()).artifact
    after, _, error = low_bit_file(copy, levels, "binary.tflite", x, Silent())
    times = interleaved([file.runner([x[:1]]) for file in (before, after)], lambda *_: None)
    return (
        f".keras 1/{len(original.payload) / len(small.payload):.1f}, .tflite"
        f" 1/{len(before.payload) / len(after.payload):.1f} of the float file at"
        f" {np.median(times[:, 0] / times[:, 1]):.2f} times its speed, outputs within {error:.1%}"
    )


if __name__ == "__main__":
    sys.exit(main())
