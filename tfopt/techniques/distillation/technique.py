"""The technique `distill`: a small model learns from the answers of a large one."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfopt.core.technique import Technique
from tfopt.techniques.distillation.config import DistillConfig

if TYPE_CHECKING:
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.formats.loading import ModelLike


class Distill(Technique[DistillConfig]):
    """Train a small model to answer as a large one does, and as the labels say.

    Args:
        student: The model that learns, in place of what the config says.
    """

    name = "distill"
    config = DistillConfig
    ending = "-distilled.keras"
    examples = (
        "tfopt distill model.keras",
        "tfopt distill model.keras --student cnn:tiny --temperature 2 --alpha 0.3",
        "tfopt distill model.keras --student small.keras --features -o taught.keras",
    )

    def __init__(self, student: "ModelLike | None" = None) -> None:
        self.student = student

    def apply(self, artifact: "KerasArtifact", config: DistillConfig, context: "Context") -> "Outcome":
        """Teach a copy of the student, or a new model, what `artifact` answers."""
        from tfopt.formats.loading import load_keras
        from tfopt.techniques.distillation.distill import distill_student

        given = self.student or (config.student if isinstance(config.student, Path) else None)
        return distill_student(artifact, load_keras(given) if given else None, config, context)
