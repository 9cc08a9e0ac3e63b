"""Which models can be rebuilt in tf_keras and back, and what each technique can do with their layers: one row a model.

Rows are the builders of tfopt, six of `keras.applications` (random weights, small inputs) and every model of a folder
of real ones, by default `../shared/models`; without that folder it says so and tests the others.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import TfoptError, UnsupportedError
from tfopt.formats.equivalence import TOLERANCE, output_arrays, relative_difference
from tfopt.formats.legacy.to_keras3 import to_keras3
from tfopt.formats.legacy.to_tf_keras import to_tf_keras
from tfopt.formats.loading import load_keras
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import call
from tfopt.graph.random_inputs import random_inputs
from tfopt.models.architectures import FOR_MAPS, KINDS, build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.techniques.kernel_selection import targets
from tfopt.techniques.qat import tfmot
from tfopt.techniques.structured.candidates import candidates
from tfopt.techniques.structured.config import StructuredConfig

APPLICATIONS = ("MobileNetV2", "MobileNetV3Small", "ResNet50", "EfficientNetB0", "DenseNet121", "ConvNeXtTiny")
COLUMNS = (
    "model",
    "layers",
    "to tf_keras",
    "and back",
    "wrapped",
    "QAT int8 / float",
    "can cluster",
    "half of channels",
    "s",
)


def main(folder: Path) -> int:
    table = Table(
        *COLUMNS, box=None, title="models rebuilt in tf_keras and back, largest difference relative to the output"
    )
    loaded = failed = 0
    sentences = []
    for name, make in _models(folder):
        start = time.perf_counter()
        try:
            model = make()
            loaded += 1
            row = _row(model)
        except TfoptError as error:
            row = ["refused"]
            sentences.append(str(error))
        except Exception as error:
            failed += 1
            row = ["FAILED"]
            sentences.append(f"{name}: {type(error).__name__}: {error}")
        print(f"{name}: {' | '.join(row)}", file=sys.stderr, flush=True)
        table.add_row(name, *(row + [""] * 7)[:7], f"{time.perf_counter() - start:.0f}")
    Console(width=150).print(table)
    print(*sentences, sep="\n")
    print(f"{loaded} models loaded, {failed} failed, tolerance {TOLERANCE:g}")
    return 1 if failed else 0


def _models(folder: Path) -> Iterator[tuple[str, Callable[[], keras.Model]]]:
    signature = Signature.of(load(DataConfig()))
    for arch in (arch for arch, kinds in KINDS.items() if signature.kind in kinds and arch not in FOR_MAPS):
        yield f"tfopt {arch}", lambda arch=arch: build(ModelConfig(arch=arch), signature)
    for name in APPLICATIONS:
        yield name, lambda name=name: getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    if not folder.is_dir():
        print(f"{folder} is not there: no real models were tested", file=sys.stderr)
        return
    found = [*folder.rglob("*.keras"), *folder.rglob("*.h5"), *(path.parent for path in folder.rglob("saved_model.pb"))]
    for path in sorted(found):
        yield str(path.relative_to(folder)), lambda path=path: load_keras(path).model


def _row(model: keras.Model) -> list[str]:
    inputs = random_inputs(model)
    before = output_arrays(call(model, inputs))
    rebuilt = to_tf_keras(model, model.name)
    there = relative_difference(before, output_arrays(rebuilt.model(inputs, training=False)))
    back = to_keras3(rebuilt.model, model.name)
    again = relative_difference(before, output_arrays(call(back, inputs)))
    if not max(there, again) <= TOLERANCE:
        raise AssertionError(f"differs by {there:.1e} and {again:.1e}")
    count = sum(bool(layer.weights) for _, layer in named_layers(model))
    return [
        str(count),
        f"{there:.1e}",
        f"{again:.1e}",
        str(len(rebuilt.wrapped)),
        _quantized(model, count),
        str(len(targets(model, None, model.name)[0])),
        _halved(model),
    ]


def _halved(model: keras.Model) -> str:
    """Which share of all channels can leave, and of the weights what is left without half of those; proved."""
    config = StructuredConfig()
    try:
        found = candidates(model, config, None, model.name)
    except UnsupportedError:
        return "none"
    small, difference = found.without(found.kept_ids(config, config.share), random_inputs(model))
    made = [slices.ids for slices in found.graph.weight_slices if slices.role == "makes"]
    free = sum(np.count_nonzero(found.graph.roots[ids]) for ids in made) / sum(map(len, made))
    return f"{free:.0%} can leave, {small.count_params() / model.count_params():.2f} left ({difference:.0e})"


def _quantized(model: keras.Model, count: int) -> str:
    try:
        aware = tfmot.quantization_aware(to_tf_keras(model, model.name, tfmot.unsupported))
    except UnsupportedError:
        return f"0 / {count}"
    names = {name for name, layer in named_layers(model) if layer.weights}
    left = len(names & set(aware.left_float))
    return f"{count - left} / {left}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("../shared/models")))
