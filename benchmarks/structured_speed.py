"""Half of the channels of untrained keras.applications: parameters, MACs, and time in LiteRT, float and int8.

    python benchmarks/structured_speed.py [NAME ...]

Four files of a network are timed in turns in one run, at batch 1 on one thread; the ratios are of paired runs. It says
nothing of accuracy.
"""

import sys

import keras
import numpy as np

from tfopt.conversion.convert import convert
from tfopt.core.context import Context
from tfopt.errors import ConversionError
from tfopt.evaluation.keras_macs import keras_macs
from tfopt.evaluation.latency import interleaved, latency_change
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.structured.channel_pruning import prune_channels
from tfopt.techniques.structured.config import StructuredConfig

NAMES = (
    "MobileNetV2", "MobileNetV3Small", "ResNet50", "EfficientNetB0", "DenseNet121", "InceptionV3", "Xception",
    "ConvNeXtTiny", "NASNetMobile",
)  # fmt: skip
CALIBRATION = 4


def main() -> int:
    print("half of all channels, random weights      params  MACs  float time           int8 time")
    for name in sys.argv[1:] or NAMES:
        keras.utils.clear_session()
        print(f"{name:40s} {_figures(name, StructuredConfig())}", flush=True)
    if not sys.argv[1:]:
        print(f"{'ResNet50 --target-macs 0.3 --round-to 8':40s} {_figures('ResNet50', _resnet50())}", flush=True)
    return 0


def _resnet50() -> StructuredConfig:
    return StructuredConfig(target_macs=0.3, round_to=8)


def _figures(name: str, config: StructuredConfig) -> str:
    model = getattr(keras.applications, name)(weights=None)
    if None in model.input.shape[1:]:
        model = getattr(keras.applications, name)(weights=None, input_shape=(224, 224, 3))
    original = KerasArtifact.from_model(model, f"{name}.keras")
    small = prune_channels(original, config, Context.of(None, Silent())).artifact
    parameters = small.model.count_params() / model.count_params()
    macs = (keras_macs(small.model) or 0) / (keras_macs(model) or 1)
    shown = f"{parameters:7.3f}{macs:6.3f}"
    try:
        return shown + _times(original, small)
    except ConversionError as error:
        return f"{shown}   {error}"


def _times(original: KerasArtifact, small: KerasArtifact) -> str:
    """The ratios of time, float and int8, with their 95 % intervals."""
    files = [*_files(original), *_files(small)]
    x = np.random.default_rng(0).uniform(0, 255, (1, *original.model.input.shape[1:])).astype("float32")
    times = interleaved([file.runner([x]) for file in files], lambda *_: None)
    ratios = [latency_change("", times[:, index], times[:, index + 2]) for index in (0, 1)]
    return "".join(f"{one.ratio:9.3f} ({one.low:.3f}-{one.high:.3f})" for one in ratios)


def _files(artifact: KerasArtifact) -> list[TfliteArtifact]:
    """The float file and the int8 one."""
    made = convert(artifact, Silent())
    [name] = made.inputs
    shape = (CALIBRATION, *artifact.model.input.shape[1:])
    images = np.random.default_rng(1).uniform(0, 255, shape).astype("float32")
    return [made.artifact, *quantize_files(made.artifact, QuantizeConfig(), {name: images}, Silent())]


if __name__ == "__main__":
    sys.exit(main())
