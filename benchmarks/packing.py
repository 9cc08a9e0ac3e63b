"""What packing takes off `.tflite` files of others and of tfopt, and whether they answer the same: `make packing`.

    python benchmarks/packing.py SHARED

SHARED has `models`. Files of tfopt are taken as its converters make them, before they are packed. Each pair answers 100
random inputs, and 10 batches of 3 where that is free, in LiteRT; if `tflite-micro` is installed, 20 more in TensorFlow
Lite Micro. Exit 1 if an answer differs by a bit.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.conversion.convert import convert
from tfopt.core.context import Context
from tfopt.core.registry import technique_of
from tfopt.data.config import DataConfig
from tfopt.data.loader import load as load_data
from tfopt.errors import TfoptError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load
from tfopt.formats.tflite.agreement import count_alike
from tfopt.formats.tflite.layout import bytes_by_kind
from tfopt.formats.tflite.packing import packed
from tfopt.runtime.progress import Silent
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig

SAMPLES = Path(__file__).parents[1] / "sample_models"
DRAWS = {1: 100, 3: 10}
MICRO = 20
KINDS = ("constants", "zero points", "scales", "minima and maxima", "names", "tables", "shapes", "metadata")
CONFIGS: dict[str, Config] = {
    "float": FloatConfig(),
    "int8": QuantizeConfig(),
    "int16": QuantizeConfig(precision="int16"),
    "float16": QuantizeConfig(precision="float16"),
    "dynamic": QuantizeConfig(precision="dynamic"),
    "int4": QuantizeConfig(precision="weights", weights="int4"),
    "int2": QuantizeConfig(precision="weights", weights="int2"),
    "int8, io int8": QuantizeConfig(io="int8"),
    "QAT": QatConfig(epochs=1),
    "QAT, 4 bits": QatConfig(epochs=1, weights="int4"),
    "binary": BinarizeConfig(epochs=1),
}


def main(shared: Path) -> int:
    table = Table("file", "before", "after", "", *KINDS, "LiteRT", "Micro", "ms", box=None)
    failed = 0
    for name, payload in files(shared):
        began = time.process_time()
        after = packed(payload)
        seconds = time.process_time() - began
        alike, micro = in_litert(payload, after), in_micro(payload, after)
        failed += "DIFFERENT" in (alike, micro)
        change = f"{len(after) / len(payload) - 1:+.1%}"
        kinds = [changed(kind, bytes_by_kind(payload), bytes_by_kind(after)) for kind in KINDS]
        row = (f"{len(payload):,}", f"{len(after):,}", change, *kinds, alike, micro, f"{1000 * seconds:.0f}")
        print(name, *row, sep=" | ", file=sys.stderr, flush=True)
        table.add_row(name, *row)
    Console(width=220).print(table)
    return 1 if failed else 0


def files(shared: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file."""
    for path in sorted((shared / "models").rglob("*.tflite")):
        yield path.name, path.read_bytes()
    context = Context.of(load_data(DataConfig()), Silent())
    for path in sorted(SAMPLES.glob("*.keras")):
        for title, config in CONFIGS.items():
            yield from made(f"{path.stem}, {title}", load(path), config, context)
    pruned = technique_of(PruneConfig()).apply(load(SAMPLES / "digits-cnn.keras"), PruneConfig(sparsity=0.8), context)
    yield from made("digits-cnn, sparse encoding", pruned.artifact, FloatConfig(sparse="on"), context)
    for title, layer in {"LSTM": layers.LSTM(16), "GRU": layers.GRU(16)}.items():
        model = keras.Sequential([keras.Input((12, 3)), layer, layers.Dense(4)])
        yield f"{title}, float", convert(KerasArtifact.from_model(model, "m"), Silent()).artifact.payload
        samples = np.random.default_rng(0).normal(size=(64, 12, 3)).astype("float32")
        static = convert(KerasArtifact.from_model(model, "m"), Silent(), static="int8", calibration=[samples])
        if static.converter:
            yield f"{title}, int8", static.converter.payload
    for path in sorted((shared / "models").rglob("*.keras")):
        for title in ("float", "dynamic"):
            yield from made(f"{path.stem}, {title}", load(path), CONFIGS[title], Context.of(None, Silent()))


def made(name: str, artifact: KerasArtifact, config: Config, context: Context) -> Iterator[tuple[str, bytes]]:
    """Yield the file that a technique makes, if it can."""
    try:
        outcome = technique_of(config).apply(artifact, config, context)
    except TfoptError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return
    yield name, next(one.payload for one in (outcome.artifact, *outcome.companions) if one.format == "tflite")


def changed(kind: str, before: dict[str, int], after: dict[str, int]) -> str:
    return f"{before.get(kind, 0):,} -> {after.get(kind, 0):,}" if kind in before else ""


def in_litert(before: bytes, after: bytes) -> str:
    try:
        return f"{count_alike(before, after, DRAWS)} alike"
    except TfoptError as error:
        return f"DIFFERENT: {error}"


def in_micro(before: bytes, after: bytes) -> str:
    """Say on how many inputs both agree in TensorFlow Lite Micro, if it is there and runs the first."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return "not installed"
    answers = []
    for payload in (before, after):
        try:
            interpreter = runtime.Interpreter.from_bytes(payload)
            rng, found = np.random.default_rng(0), []
            for _ in range(MICRO):
                detail = interpreter.get_input_details(0)
                shape, kind = tuple(detail["shape"]), np.dtype(detail["dtype"])
                x = rng.random(shape) if kind.kind == "f" else rng.integers(-128, 128, shape)
                interpreter.set_input(x.astype(kind), 0)
                interpreter.invoke()
                found.append(interpreter.get_output(0).tobytes())
            answers.append(found)
        except Exception as error:  # it has fewer operations, and raises what it likes
            answers.append([f"{type(error).__name__}"])
    if len(answers[0]) < MICRO:
        return "does not run" if answers[0] == answers[1] else "DIFFERENT"
    return f"{MICRO} alike" if answers[0] == answers[1] else "DIFFERENT"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")))
