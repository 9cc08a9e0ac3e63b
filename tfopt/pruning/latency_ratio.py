"""How long a smaller model takes in LiteRT, as a share of the original's time, both run in turns."""

from collections.abc import Callable

import keras

from tfopt.artifacts.keras_file import KerasArtifact
from tfopt.artifacts.tflite_file import TfliteArtifact
from tfopt.litert.convert import convert
from tfopt.measure.latency import latency_change
from tfopt.measure.measuring import measure
from tfopt.progress import Progress, Silent
from tfopt.report.report import LatencyChange


def latency_ratio(artifact: KerasArtifact, progress: Progress) -> Callable[[keras.Model], LatencyChange]:
    """A function that converts a model to a float `.tflite` file and times it against that of `artifact`, batch 1."""
    before = convert(artifact, progress).artifact

    def ratio(model: keras.Model) -> LatencyChange:
        after = _converted(model, artifact.name)
        first, second = measure([before, after], None, Silent())
        assert first.times is not None
        assert second.times is not None
        return latency_change(before.name, first.times, second.times)

    return ratio


def _converted(model: keras.Model, name: str) -> TfliteArtifact:
    return convert(KerasArtifact.of(model, name), Silent()).artifact
