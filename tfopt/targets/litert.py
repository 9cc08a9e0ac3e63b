"""LiteRT on the processor of this machine: what XNNPACK takes over runs fast, the rest in LiteRT's own kernels."""

import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfopt.report.target_fit import TargetFigure
from tfopt.targets.target import UNKNOWN, Examined, Target

if TYPE_CHECKING:
    from tfopt.formats.tflite.artifact import TfliteArtifact
    from tfopt.formats.tflite.graph import Operation
    from tfopt.report.target_fit import OperationFit
    from tfopt.runtime.progress import Progress


class LiteRT(Target):
    """LiteRT with XNNPACK on the processor of this machine."""

    def __init__(self, name: str = "litert") -> None:
        self.name = name

    def source(self) -> str:
        """Say which runtime is asked."""
        return f"ai-edge-litert {version('ai-edge-litert')}, run on this machine"

    def examine(self, file: "TfliteArtifact", progress: "Progress") -> Examined:
        """Run the file, which took its measure when it was loaded, and see what XNNPACK has taken over."""
        from tfopt.evaluation.bench import random_inputs
        from tfopt.evaluation.delegation import not_delegated
        from tfopt.evaluation.latency import MOST_ROUNDS, interleaved
        from tfopt.evaluation.memory import added_bytes

        with progress.task("measuring latency", MOST_ROUNDS) as advance:
            times = interleaved([file.runner(random_inputs(file))], advance)
        with tempfile.TemporaryDirectory() as folder, progress.task("measuring memory", None):
            path = Path(folder) / "model.tflite"
            path.write_bytes(file.payload)
            added = added_bytes(path, 1)
        low, median, high = np.percentile(times, [25, 50, 75])
        half = f"the median of {len(times)} runs with one thread here, half of them from {low:.3g} to {high:.3g}"
        return Examined(
            _fits(file, not_delegated(file.payload)),
            TargetFigure(value=len(file.payload), how="the file"),
            TargetFigure(value=added, how="what loading and one inference add to a process") if added else UNKNOWN,
            TargetFigure(value=float(median), how=half),
        )


def _fits(file: "TfliteArtifact", left: dict[str, int]) -> "list[OperationFit]":
    """All run; kinds of which XNNPACK has left some say so."""
    from tfopt.formats.tflite.graph import operations
    from tfopt.targets.fits import Said, fits

    counts = Counter(one.kind for one in operations(file.payload) if not one.in_loop)

    def said(_number: int, one: "Operation") -> Said:
        return Said(reason=f"{left[one.kind]} of {counts[one.kind]} by LiteRT's own kernel" if one.kind in left else "")

    return fits(file, said)
