"""Small KerasHub tasks with random weights, one row an architecture: opened, in int8, and answering raw inputs.

`opened` is the largest difference of the model's outputs from those of the task, relative to the largest output; `max`
and `mean` are those of the int8 file from the float model, and `same` is the share of samples that both put into the
same class. `predict` compares the answers of that file to raw inputs with those of the task. Random weights are the
hardest case: what they answer hardly differs between samples.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import tfopt

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests import hub_models

COUNT, RAW = 64, 8


class Row(NamedTuple):
    """The figures of an architecture."""

    layers: str
    opened: float
    most: float
    mean: float
    same: float
    predicted: float


def measured(build: Callable[[], Any], folder: Path) -> Row:
    """Save the task as a preset in `folder`, open it, quantize it, and let the file answer raw inputs."""
    task = hub_models.randomized(build())
    task.save_to_preset(str(folder / build.__name__))
    artifact = tfopt.load(f"keras-hub:{folder / build.__name__}")
    raw, inputs = raw_inputs(artifact.provenance, folder)
    wanted = artifact.predict(inputs)
    names = [tensor.name for tensor in artifact.model.inputs]
    np.savez(folder / "calibration.npz", **dict(zip(names, inputs, strict=True)))
    made = tfopt.quantize(artifact, tfopt.QuantizeConfig(calibration=folder / "calibration.npz")).artifact
    error = np.abs(made.predict(inputs) - wanted) / np.abs(wanted).max()
    path = made.save(folder / f"{build.__name__}.tflite", force=True)
    answers = [int(one.answer) for one in tfopt.predict(path, raw[:RAW]).predictions]
    asked = task.predict(pixels(raw[:RAW]) if isinstance(raw[0], Path) else raw[:RAW], verbose=0)
    own = sum(type(layer).__module__.startswith("keras_hub") for layer in artifact.model.layers)
    return Row(
        layers=f"{len(artifact.model.layers)}, {own} of KerasHub",
        opened=float(np.abs(wanted[:RAW] - asked).max() / np.abs(asked).max()),
        most=float(error.max()),
        mean=float(error.mean()),
        same=float((made.predict(inputs).argmax(axis=1) == wanted.argmax(axis=1)).mean()),
        predicted=float(np.mean(asked.argmax(axis=1) == answers)),
    )


def raw_inputs(memory: Any, folder: Path) -> tuple[list[Any], tuple[Any, ...]]:
    """Return texts or files of pictures, and what they are for the model."""
    import tensorflow as tf

    if memory.tokenizer:
        texts = hub_models.texts(COUNT)
        return texts, memory.tokenizer(texts)
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    for path in paths:
        coarse = rng.integers(0, 256, (5, 6, 3)).astype(np.uint8)  # patches, as pictures have
        path.write_bytes(tf.io.encode_png(coarse.repeat(8, axis=0).repeat(8, axis=1)).numpy())
    return paths, (np.stack([memory.scaling(memory.resizing(one).numpy()) for one in pixels(paths)]),)


def pixels(paths: list[Path]) -> Any:
    """Decode pictures of one size."""
    import tensorflow as tf

    return np.stack([tf.io.decode_png(path.read_bytes()).numpy() for path in paths])


def main() -> None:
    """Print the table."""
    table = Table("architecture", "layers", "opened", "int8 max", "mean", "same", "predict")
    with TemporaryDirectory() as folder:
        for build in (*hub_models.IMAGES, *hub_models.TEXTS):
            row = measured(build, Path(folder))
            figures = (
                f"{row.opened:.0e}",
                f"{row.most:.1%}",
                f"{row.mean:.1%}",
                f"{row.same:.0%}",
                f"{row.predicted:.0%}",
            )
            table.add_row(build.__name__, row.layers, *figures)
            print(build.__name__, row, file=sys.stderr, flush=True)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
