"""The ONNX file of every architecture and of models of `keras.applications`, and how far it answers from Keras.

    python benchmarks/onnx_files.py [--write docs/onnx.md]

Weights are random, and images of `keras.applications` as small as these take them. A cell is the largest difference of
the outputs of 16 random samples, as a share of the largest output, or the sentence with which `tfopt convert` refuses.
Exit 1 if a file answers otherwise than Keras.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np

from tfopt.conversion.onnx import to_onnx
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import TfoptError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.random_inputs import random_inputs
from tfopt.models.applications import LEAST_SIZE, LEAST_SIZES
from tfopt.models.architectures import FOR_MAPS, KINDS, MAPS, build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent

DATA = ("digits", "diabetes", "waves", "phrases", "numbers", "shapes")
APPLICATIONS = (
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50",
    "ResNet50V2",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "DenseNet121",
    "NASNetMobile",
    "Xception",
    "InceptionV3",
    "VGG16",
    "ConvNeXtTiny",
)
SAMPLES = 16
TOLERANCE = 1e-4
BEGINS, ENDS = "<!-- the table -->", "<!-- its end -->"


def models() -> Iterator[tuple[str, Callable[[], keras.Model]]]:
    """Yield the name of each model, and what builds it."""
    for source in DATA:
        signature = Signature.of(load(DataConfig(source=source)))
        for arch, kinds in KINDS.items():
            if signature.kind in kinds and (arch in FOR_MAPS) == (signature.task in MAPS):
                yield f"`--arch {arch}` of {source}", partial(build, ModelConfig(arch=arch), signature)
    for name in APPLICATIONS:
        size = LEAST_SIZES.get(name, LEAST_SIZE)
        make = getattr(keras.applications, name)
        yield f"{name}, {size}x{size}", partial(make, weights=None, input_shape=(size, size, 3))


def cell(make: Callable[[], keras.Model]) -> tuple[str, str, bool]:
    """Return the size of the file, how far it answers from Keras or why there is none, and whether that is right."""
    keras.utils.set_random_seed(0)
    try:
        artifact = KerasArtifact.from_model(make(), "model.keras")
        made, _ = to_onnx(artifact, Silent())
    except TfoptError as error:
        return "-", str(error), True
    samples = [tensor.numpy() for tensor in random_inputs(artifact.model, batch=SAMPLES)]
    wanted, found = artifact.predict(samples), made.predict(samples)
    difference = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    return f"{len(made.payload) / 1e3:,.1f} kB", f"{difference:.0e}", difference <= TOLERANCE


def write(path: Path, table: str) -> None:
    """Put a table between the comments of a page."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGINS)
    path.write_text(f"{before}{BEGINS}\n{table}\n{ENDS}{rest.partition(ENDS)[2]}", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Show the table, and write it into a page if that is asked for; return the exit code."""
    right, lines = True, ["| Model | File | Difference, or why there is none |", "|---|---|---|"]
    for name, make in models():
        size, told, sound = cell(make)
        right &= sound
        lines.append(f"| {name} | {size} | {told} |")
        print(lines[-1], flush=True)
    if arguments[:1] == ["--write"]:
        write(Path(arguments[1]), "\n".join(lines))
    return int(not right)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
