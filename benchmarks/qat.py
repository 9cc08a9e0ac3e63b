"""What training for few bits gives: `tfopt quantize --qat` against TensorFlow Model Optimization and float training.

    python benchmarks/qat.py classes [NAME ...]
    python benchmarks/qat.py fashion DATA.npz ROUNDS [MODEL.keras]
    python benchmarks/qat.py resnet8 DATA.npz MODEL.h5 [SETTING ...] [--test]

`classes` trains a small model of each class of layers that TensorFlow Model Optimization refuses or leaves in float,
and tells how many operations of the file compute in integers. `fashion` trains a CNN, or takes that of a file, for int8
by both engines in turns. `resnet8` tells the accuracy of each setting on the validation split, by which to choose; with
`--test` on the test split, the first beside the original trained as long.
"""

import os
import sys
import time
from collections.abc import Sequence

from qat_models import CLASSES, data_for_class

from tfopt import DataConfig, QatConfig, TrainConfig, quantize, train
from tfopt.core.context import Context
from tfopt.core.provenance import load_dataset
from tfopt.data.dataset import Split
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.graph import float_operations
from tfopt.formats.tflite.packing import packed_size
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Silent
from tfopt.techniques.qat.qat import planned_layers, quantize_aware

SHOWN = 3  # names of layers
TWO, THREE = "conv2d_7=2,conv2d_6=2", "conv2d_7=2,conv2d_6=2,conv2d_4=2"
FOUR = f"{THREE},conv2d_3=2,dense=4"
FOR_RESNET = {"epochs": 15, "batch_size": 50, "augment": ("flip", "crop"), "teacher_weight": 0.3, "weights": "int4"} | {
    "batch": 1
}
SETTINGS: dict[str, dict[str, object]] = {
    "int4": FOR_RESNET,
    "one-at-2": {**FOR_RESNET, "layer_bits": "conv2d_7=2"},
    "two-at-2": {**FOR_RESNET, "layer_bits": TWO},
    "three-at-2": {**FOR_RESNET, "layer_bits": THREE},
    "four-at-2": {**FOR_RESNET, "layer_bits": FOUR, "epochs": 30},
}


def main() -> int:
    section, *rest = sys.argv[1:] or [""]
    names = [one for one in rest if not one.startswith("--")]
    match section:
        case "classes":
            classes(names or list(CLASSES))
        case "fashion":
            fashion(names[0], int(names[1]), *names[2:])
        case "resnet8":
            resnet8(names[0], names[1], names[2:] or list(SETTINGS), test="--test" in rest)
        case _:
            print(__doc__)
            return 2
    return 0


def classes(names: list[str]) -> None:
    """What the file of a model with a class of layers computes in integers, and what TFMOT says of that class."""
    columns = (
        "class of layers",
        "left in float by TFMOT",
        "kernels in integers",
        "operations in integers",
        "in floats",
    )
    print(f"| {' | '.join(columns)} | outputs differ by |")
    print("|---|---|---|---|---|---|")
    for name in names:
        artifact, data = KerasArtifact.from_model(CLASSES[name](), "m.keras"), data_for_class(name)
        made = quantize_aware(artifact, QatConfig(epochs=1, max_drop=0.99), Context.of(data, Silent()))
        floats, count = float_operations(made.artifact.payload)
        kinds = ", ".join(sorted({operation.kind for operation in floats})) or "none"
        x = data.test.inputs
        mine, file = made.companions[0].predict(x), made.artifact.predict(x)
        share = float(abs(mine - file).mean() / abs(mine).max())
        print(
            f"| {name} | {_left_float(artifact)} | {_kernels(made.layers)} | {count - len(floats)} of {count} | {kinds}"
            f" | {share:.1%} |",
            flush=True,
        )


def _kernels(layers: Sequence[LayerChange]) -> str:
    """Return how many layers with kernels are in integers in a file."""
    held = [layer for layer in layers if layer.action == "quantized" or "no kernel" not in (layer.detail or "")]
    held = [layer for layer in held if layer.action in ("quantized", "skipped")]
    return f"{sum(layer.action == 'quantized' for layer in held)} of {len(held)}"


def _left_float(artifact: KerasArtifact) -> str:
    try:
        planned = planned_layers(artifact, QatConfig(qat_engine="tfmot"))
    except Exception as error:  # a layer may have no twin in tf_keras, or one that refuses its config
        return f"cannot be rebuilt ({type(error).__name__})"
    names = [name for name, verdict in planned.items() if not verdict.can]
    return ", ".join(names[:SHOWN]) + f" and {len(names) - SHOWN} more" * (len(names) > SHOWN) or "nothing"


def fashion(source: str, rounds: int, path: str | None = None) -> None:
    """Accuracy and time of training for int8 by both engines, the same model and as many epochs."""
    data = load_dataset(DataConfig(source=source), None, Silent())
    model = load_keras(path) if path else train(TrainConfig(arch="cnn", epochs=12), data).artifact
    for number in range(rounds):
        for engine in ("tfopt", "tfmot") if number % 2 else ("tfmot", "tfopt"):
            config = QatConfig(qat_engine=engine, epochs=3, seed=number)
            start, cpu = time.perf_counter(), time.process_time()
            made = quantize_aware(model, config, Context.of(data, Silent()))
            told = f"{time.perf_counter() - start:.0f} s ({time.process_time() - cpu:.0f} s of CPU)"
            print(
                f"| {engine} | {packed_size(made.artifact.payload):,} | {_right(made.artifact, data.test)} | {told} |",
                flush=True,
            )


def resnet8(source: str, model: str, names: list[str], *, test: bool) -> None:
    """Bytes and accuracy of ResNet-8 by the bits of its layers."""
    data = load_dataset(DataConfig(source=source, scale="none"), None, Silent())
    artifact = load_keras(model)
    for name in names:
        alone = test and name == names[0]  # the control has no bits: it is the same for all
        config, start = QatConfig.model_validate({**SETTINGS[name], "control": alone}), time.perf_counter()
        if test:
            made = quantize(artifact, config, data)
            right = _right(made.artifact, data.test)
            right += f" | {_right(made.control, data.test)}" if made.control else ""
        else:
            made = quantize_aware(artifact, config, Context.of(data, Silent()))
            right = _right(made.artifact, data.validation)
        size, took = packed_size(made.artifact.payload), time.perf_counter() - start
        print(f"| {name} | {size:,} | {right} | {took:.0f} s at a load of {os.getloadavg()[1]:.1f} |", flush=True)


def _right(artifact: Artifact, split: Split) -> str:
    return f"{(artifact.predict(split.inputs).argmax(axis=-1) == split.y.ravel()).mean():.2%} of {len(split):,}"


if __name__ == "__main__":
    sys.exit(main())
