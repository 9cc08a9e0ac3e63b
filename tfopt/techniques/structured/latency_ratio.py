"""How long a smaller model takes in LiteRT, as a share of the original's time, both run in turns."""

from collections.abc import Callable

import keras

from tfopt.conversion.convert import convert
from tfopt.evaluation.latency import latency_change
from tfopt.evaluation.measurement import measure
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.schema import LatencyChange
from tfopt.runtime.progress import Progress, Silent


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
