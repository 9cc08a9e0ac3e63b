"""Weights of 4 bits without training: tfopt's rounding beside LiteRT Quantizer's, in the same run.

    python benchmarks/few_bits.py table ../shared [NAME ...]
    python benchmarks/few_bits.py time ../shared
    python benchmarks/few_bits.py widths

`table` quantizes models of several kinds in each way; nothing is chosen by the test data, on which each file answers
once. MLPerf Tiny's DS-CNN and MobileNetV1, whose own data are not here, are first trained to tell spoken digits, and
vehicles of CIFAR-10 from animals. `time` gives the seconds of rounding and of
one inference over the calibration images. `widths` runs every kind of kernel with every number of bits.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers
from rich.console import Console
from rich.table import Table
from scipy.fft import dct

from tfopt.api import train
from tfopt.config.choices import Algorithm, Precision
from tfopt.core.context import Context
from tfopt.core.provenance import load_data as load_python_data
from tfopt.data.config import DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.loader import load as load_data
from tfopt.errors import TfoptError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.keras.prediction import predict_batches
from tfopt.formats.loading import load_keras
from tfopt.formats.tflite.packing import packed_size
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.model_copy import rebuild
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.post_training import quantize_after_training
from tfopt.techniques.quantization.preparation import prepare
from tfopt.techniques.rounding.sequential import round_model
from tfopt.training.config import TrainConfig
from tfopt.typing import Array

WAYS: dict[str, tuple[Precision, Algorithm]] = {
    "tfopt": ("int8", "auto"),
    "min-max": ("int8", "minmax"),
    "mse": ("int8", "mse"),
    "octav": ("int8", "octav"),
    "gptq (dynamic)": ("dynamic", "gptq"),
    "tfopt (dynamic)": ("dynamic", "auto"),
}
FRAMES, COEFFICIENTS = 49, 10  # of the spectrograms that DS-CNN takes
VWW_SIZE = 96  # pixels of the images that MobileNetV1 takes
IMAGES = 4000  # that it is trained on
ROUNDED = 1000  # calibration images that rounding is timed on
KINDS = 12


@dataclass(frozen=True)
class Subject:
    """A float model, and the data it is judged on."""

    name: str
    artifact: KerasArtifact
    data: Dataset


def main() -> int:
    part, *rest = sys.argv[1:] or ["widths"]
    keras.utils.disable_interactive_logging()
    if part == "widths":
        return widths()
    shared, names = Path(rest[0]), rest[1:]
    if part == "time":
        return rounding_time(next(subjects(shared, ["ResNet-8"])))
    table = Table("model", "weights of 4 bits", "bytes", "right or alike", "seconds", box=None)
    for subject in subjects(shared, names):
        for cells in _rows(subject):
            table.add_row(*cells)
            print(*cells, sep=" | ", flush=True)
    Console(width=120).print(table)
    return 0


def subjects(shared: Path, names: list[str]) -> Iterator[Subject]:
    """Models of several kinds, made or loaded when it is their turn."""
    made: dict[str, Callable[[], Subject]] = {
        "digits": partial(_trained, "digits", DataConfig(), TrainConfig(arch="cnn")),
        "ResNet-8": partial(
            _loaded,
            "ResNet-8",
            shared / "models/mlperf_tiny/tiny_resnet8_cifar10.h5",
            DataConfig(source=str(shared / "data/cifar10_jpeg_small.npz"), scale="none"),
        ),
        "Fashion-MNIST": partial(
            _trained,
            "Fashion-MNIST",
            DataConfig(source=str(shared / "data/fashion_mnist_dev.npz")),
            TrainConfig(arch="cnn", epochs=3),
        ),
        "DS-CNN": partial(_spoken_digits, shared),
        "MobileNetV1": partial(_pictures, shared),
        "wake word": partial(
            _loaded,
            "wake word",
            shared / "models/mlperf_tiny/tiny_streaming_wakeword.h5",
            DataConfig(source=str(shared / "data/mlperf_tiny_samples.npz")),
        ),
        "LSTM": partial(_trained, "LSTM", DataConfig(), TrainConfig(arch="rnn")),
        "transformer": partial(_trained, "transformer", DataConfig(), TrainConfig(arch="transformer")),
    }
    for name, make in made.items():
        if not names or name in names:
            try:
                yield make()
            except (TfoptError, FileNotFoundError) as error:
                print(f"{name}: {error}", file=sys.stderr)


def _loaded(name: str, path: Path, data: DataConfig) -> Subject:
    return Subject(name, load_keras(path), load_data(data))


def _trained(name: str, data: DataConfig, config: TrainConfig) -> Subject:
    result = train(config, data)
    assert isinstance(result.artifact, KerasArtifact)
    return Subject(name, result.artifact, load_data(data))


def _spoken_digits(shared: Path) -> Subject:
    """DS-CNN, trained from its weights for keywords, by the first coefficients of log-mel spectrograms."""
    with np.load(shared / "data/fsdd_logmel_dev.npz") as held:
        x_train, y_train, x_test, y_test = (held[name] for name in ("x_train", "y_train", "x_test", "y_test"))

    def coefficients(x: Array) -> Array:
        middle = (x.shape[1] - FRAMES) // 2
        frames = x[:, middle : middle + FRAMES, :, 0].astype(np.float32)
        return dct(frames, norm="ortho")[..., :COEFFICIENTS, np.newaxis]  # type: ignore[no-any-return]

    data = load_python_data(((coefficients(x_train), y_train), (coefficients(x_test), y_test)))
    return _transferred("DS-CNN", shared / "models/mlperf_tiny/tiny_kws_dscnn_savedmodel", data, epochs=20)


def _pictures(shared: Path) -> Subject:
    """MobileNetV1 of a quarter of the width, trained from its weights for people in pictures to tell vehicles."""
    with np.load(shared / "data/cifar10_jpeg_small.npz") as held:
        pairs = [(held[f"x_{part}"][:IMAGES], held[f"y_{part}"][:IMAGES]) for part in ("train", "test")]
        vehicle = np.isin(held["class_names"], ("airplane", "automobile", "ship", "truck")).astype(int)
    size = (VWW_SIZE, VWW_SIZE)
    train_pair, test_pair = ((np.uint8(np.round(keras.ops.image.resize(x, size))), vehicle[y]) for x, y in pairs)
    data = load_python_data((train_pair, test_pair))
    return _transferred("MobileNetV1", shared / "models/mlperf_tiny/tiny_vww96_mobilenetv1.h5", data, epochs=5)


def _transferred(name: str, base: Path, data: Dataset, epochs: int) -> Subject:
    result = train(TrainConfig(base=str(base), epochs=epochs), data)
    assert isinstance(result.artifact, KerasArtifact)
    return Subject(name, result.artifact, data)


def _rows(subject: Subject) -> Iterator[tuple[str, ...]]:
    test = Evaluator.on(subject.data, "test")
    before = test.score(subject.artifact.model)
    yield subject.name, "float", "", f"{before.mean():.2%}", ""
    for way, (precision, algorithm) in WAYS.items():
        config = QuantizeConfig(precision=precision, weights="int4", algorithm=algorithm)
        start = time.perf_counter()
        try:
            found = quantize_after_training(subject.artifact, config, Context.of(subject.data, Silent()))
        except TfoptError as error:
            yield subject.name, way, "", str(error)[:60], ""
            continue
        seconds = time.perf_counter() - start
        right = test.score(found.artifact).mean()
        yield subject.name, way, f"{packed_size(found.artifact.payload):,}", f"{right:.2%}", f"{seconds:.0f}"


def rounding_time(subject: Subject) -> int:
    """Print how long rounding takes, in seconds and in inferences over the images that it looks at."""
    model, _ = fold_batch_norms(subject.artifact.model, subject.name)
    x = np.asarray(subject.data.train.x[:ROUNDED], np.float32)
    predict_batches(model, x)
    start = time.process_time()
    predict_batches(model, x)
    once = time.process_time() - start
    for compensate in (False, True):
        copy = rebuild(model, subject.name)
        start = time.process_time()
        round_model(model, copy, lambda *_: "int4", [x], lambda *_: None, compensate=compensate)
        seconds = time.process_time() - start
        way = "GPTQ" if compensate else "nearest"
        told = f"{seconds:.1f} s of processors, {seconds / once:.0f} inferences over {len(x)} images"
        print(f"{subject.name}, {way}: {told}")
    return 0


def widths() -> int:
    """Print the error that each kind of kernel adds with each number of bits and each kind of activations."""
    table = Table("kernel", "activations", *(f"{bits} bits" for bits in (8, 4, 2)), box=None)
    x = np.random.default_rng(0).normal(size=(64, KINDS, KINDS, 4)).astype("float32")
    folder = Path("few-bits-samples.npy")
    np.save(folder, x)
    for kind, layer in _layers().items():
        inputs = keras.Input(x.shape[1:])
        model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layer()(inputs))))
        for precision in ("int8", "int16", "dynamic", "weights"):
            table.add_row(kind, precision, *(_added(model, precision, bits, folder) for bits in (8, 4, 2)))
    folder.unlink()
    Console(width=120).print(table)
    return 0


def _layers() -> dict[str, Callable[[], keras.Layer]]:
    return {
        "CONV_2D": lambda: layers.Conv2D(8, 3),
        "DEPTHWISE_CONV_2D": lambda: layers.DepthwiseConv2D(3),
        "TRANSPOSE_CONV": lambda: layers.Conv2DTranspose(8, 2),
        "FULLY_CONNECTED": lambda: layers.Dense(8),
    }


def _added(model: keras.Model, precision: Precision, bits: int, samples: Path) -> str:
    """Return the error of a file against the model whose weights were rounded, and how the weights are stored."""
    options = {} if bits == 8 else {"weights": f"int{bits}", "keep_first_last": False}
    config = QuantizeConfig(precision=precision, calibration=samples, **options)  # type: ignore[arg-type]
    try:
        found = prepare(KerasArtifact.from_model(model, "m.keras"), config, Context.of(None, Silent()))
        _, file, _ = found.settled(config, Silent())
    except TfoptError as error:
        return str(error)[:40]
    wanted = predict_batches(found.rounding.choice.model if found.rounding else model, np.load(samples))
    return f"{np.sqrt(np.mean((file.predict(np.load(samples)) - wanted) ** 2) / np.mean(wanted**2)):.1e}"


if __name__ == "__main__":
    sys.exit(main())
