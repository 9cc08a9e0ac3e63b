"""Speed of a layer with few bits against float, for dense layers and for convolutions as they are and as dense layers.

The rule that `tfopt.graph.dense_lowering.pays_as_dense` follows comes from this table. Weights are signs times a
scale; each row runs all its forms in turns at batch 1, one thread; printed is the median of the paired ratios, above
1 is faster.
"""

import sys

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

from tfopt.config.choices import Form
from tfopt.conversion.convert import convert
from tfopt.evaluation.latency import interleaved
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import operations
from tfopt.graph.dense_lowering import lower_to_dense
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.litert_quantizer import quantize_mixed

CONVOLUTIONS = (  # height and width, input channels, filters, size of the kernel: ResNet50's, and two small ones
    (28, 32, 64, 3), (56, 64, 64, 3), (28, 128, 128, 3), (14, 256, 256, 3), (7, 512, 512, 3),
    (56, 64, 256, 1), (28, 512, 128, 1), (14, 256, 1024, 1), (7, 2048, 512, 1),
)  # fmt: skip
DENSE = ((256, 256), (1024, 1024), (1024, 4096))
AS_IT_IS: tuple[Form, ...] = ("weights", "int8")
AS_DENSE: tuple[Form, ...] = ("int8", "int4", "int2")


def main() -> int:
    titles = ["layer", *(f"as it is, {form}" for form in AS_IT_IS), *(f"dense, {form}" for form in AS_DENSE)]
    table = Table(*titles, box=None, title="times the speed of float (error of the output)")
    for size, channels, filters, kernel in CONVOLUTIONS:
        inputs = keras.Input((size, size, channels))
        model = keras.Model(inputs, layers.Conv2D(filters, kernel, padding="same", activation="relu")(inputs))
        _signs(model)
        as_dense = lower_to_dense(model, "convolution", lambda _: True)
        row = _row(model, dict.fromkeys(AS_IT_IS, model), dict.fromkeys(AS_DENSE, as_dense))
        table.add_row(f"{kernel}x{kernel}, {size}x{size}x{channels} to {filters}", *row)
    for inputs_, units in DENSE:
        inputs = keras.Input((inputs_,))
        model = keras.Model(inputs, layers.Dense(units, activation="relu")(inputs))
        _signs(model)
        row = _row(model, dict.fromkeys(AS_IT_IS[:1], model), dict.fromkeys(AS_DENSE, model))
        table.add_row(f"dense, {inputs_} to {units}", row[0], "", *row[1:])
    Console(width=120).print(table)
    return 0


def _signs(model: keras.Model) -> None:
    kernel = model.layers[-1].kernel
    kernel.assign(np.sign(kernel.numpy()) * np.abs(kernel.numpy()).mean())


def _row(model: keras.Model, *variants: dict[Form, keras.Model]) -> list[str]:
    base = _float(model)
    files = [_in_form(_float(each), form) for variant in variants for form, each in variant.items()]
    x = np.random.default_rng(0).normal(size=(1, *model.input.shape[1:])).astype("float32")
    times = interleaved([file.runner([x]) for file in (base, *files)], lambda *_: None)
    wanted = base.predict(x)
    cells = []
    for column, file in enumerate(files, start=1):
        error = np.sqrt(np.mean((file.predict(x) - wanted) ** 2) / np.mean(wanted**2))
        cells.append(f"{np.median(times[:, 0] / times[:, column]):.2f} ({error:.0e})")
    print(model.layers[-1].name, *cells, file=sys.stderr, flush=True)
    return cells


def _float(model: keras.Model) -> TfliteArtifact:
    return convert(KerasArtifact.from_model(model, "layer.keras"), Silent()).artifact


def _in_form(source: TfliteArtifact, form: Form) -> TfliteArtifact:
    names = [operation.outputs[0] for operation in operations(source.payload)]
    return quantize_mixed(source, {form: names}, form, Silent())


if __name__ == "__main__":
    sys.exit(main())
