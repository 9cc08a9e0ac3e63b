"""What becomes of every kind of model at every width: one row a model, one column a width, failures in their cells.

Models have random weights and inputs, so that a cell shows whether the file runs in the plain LiteRT interpreter, how
large it is against the float file, and how far its outputs are from those (root mean square, relative). A folder of
real models, by default `../shared/models`, is added if it is there.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
from keras import layers
from rich.console import Console
from rich.table import Table

from tfopt.conversion.config import ConvertConfig
from tfopt.conversion.convert import convert
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import TfoptError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.graph.random_inputs import random_inputs
from tfopt.models.architectures import FOR_MAPS, KINDS, build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.post_training import choose
from tfopt.techniques.quantization.preparation import Prepared

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import zoo

APPLICATIONS = ("MobileNetV2", "MobileNetV3Small", "ResNet50", "EfficientNetB0", "ConvNeXtTiny")
WIDTHS = {
    "dynamic": QuantizeConfig(precision="dynamic"),
    "int8": QuantizeConfig(),
    "int16": QuantizeConfig(precision="int16"),
    "float16": QuantizeConfig(precision="float16"),
    "weights int4": QuantizeConfig(precision="weights", weights="int4"),
}
SAMPLES = 16


def main(folder: Path) -> int:
    table = Table("model", "lowering", "float, differs", *WIDTHS, "s", box=None)
    failed: list[str] = []
    rows = running = 0
    for name, make in _models(folder):
        start = time.perf_counter()
        cells, sentences = _row(name, make)
        rows += 1
        running += "FAILED" not in cells
        failed += sentences
        print(f"{name}: {' | '.join(cells)}", file=sys.stderr, flush=True)
        table.add_row(name, *cells, f"{time.perf_counter() - start:.0f}")
    console = Console(width=160)
    console.print(table)
    for sentence in failed:
        console.print(f"failed: {sentence}", markup=False)
    console.print(
        f"{running} of {rows} models run in every width; size against float, error of the outputs in brackets"
    )
    return 1 if failed else 0


def _row(name: str, make: Callable[[], keras.Model]) -> tuple[list[str], list[str]]:
    try:
        artifact = KerasArtifact.from_model(make(), f"{name.replace('/', '-')}.keras")
        arrays = [tensor.numpy() for tensor in random_inputs(artifact.model, batch=SAMPLES)]
        made = convert(artifact, Silent(), ConvertConfig(), static="int8", calibration=arrays)
    except TfoptError as error:
        return ["-", "FAILED", *["-"] * len(WIDTHS)], [str(error)]
    feeds = dict(zip(made.inputs, arrays, strict=True))
    reference = Evaluator.without_labels(arrays, "samples").against(made.artifact)
    start = Prepared(made, feeds, reference, [])
    size = len(made.artifact.payload)
    cells, failed = [made.lowering, f"{size / 1e3:,.1f} kB, {made.error:.0e}"], []
    for width, config in WIDTHS.items():
        try:
            if width == "int8":
                file, _ = choose(start, config, Silent())
            else:
                [file] = quantize_files(made.artifact, config, feeds, Silent())
            cells.append(f"{len(file.payload) / size:.2f} ({reference.error(file):.0e})")
        except TfoptError as error:
            cells.append("FAILED")
            failed.append(f"{name} {width}: {error}")
    return cells, failed


def _models(folder: Path) -> Iterator[tuple[str, Callable[[], keras.Model]]]:
    signature = Signature.of(load(DataConfig()))
    for arch in (arch for arch, kinds in KINDS.items() if signature.kind in kinds and arch not in FOR_MAPS):
        yield f"tfopt {arch}", lambda arch=arch: build(ModelConfig(arch=arch), signature)
    for make in [*zoo.CLASSIFIERS, *zoo.OTHERS, gru, bidirectional_lstm, hybrid, separable]:
        yield make.__name__, make
    for name in APPLICATIONS:
        yield (
            name,
            lambda name=name: getattr(keras.applications, name)(
                weights=None, input_shape=(64, 64, 3), classifier_activation=None
            ),
        )
    if not folder.is_dir():
        print(f"{folder} is not there: no real models were tried", file=sys.stderr)
        return
    found = [*folder.rglob("*.keras"), *folder.rglob("*.h5"), *(path.parent for path in folder.rglob("saved_model.pb"))]
    for path in sorted(found):
        yield str(path.relative_to(folder)), lambda path=path: load_keras(path).model


def gru() -> keras.Model:
    return keras.Sequential([keras.Input((12, 5)), layers.GRU(8), layers.Dense(3)])


def bidirectional_lstm() -> keras.Model:
    return keras.Sequential([keras.Input((12, 5)), layers.Bidirectional(layers.LSTM(8)), layers.Dense(3)])


def hybrid() -> keras.Model:
    inputs = zoo.images()
    x = layers.Reshape((8, 64))(layers.Conv2D(8, 3, padding="same", activation="relu")(inputs))
    x = layers.GRU(8, return_sequences=True)(x)
    x = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 4)(x, x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def separable() -> keras.Model:
    return keras.Sequential(
        [zoo.images(), layers.SeparableConv2D(8, 3), layers.Conv2DTranspose(4, 3, strides=2), layers.Flatten()]
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/models")))
