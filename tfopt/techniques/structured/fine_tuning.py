"""Fine-tuning what is left after structures have left."""

from dataclasses import dataclass, field

import keras

from tfopt.core.outcome import Training
from tfopt.data.dataset import Dataset
from tfopt.distribution.strategies import make_strategy
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.runtime.progress import Progress
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.teacher import Teacher


@dataclass(frozen=True)
class FineTuning:
    """Fine-tuning after a removal, on the replicas that were asked for."""

    name: str
    config: StructuredConfig
    data: Dataset
    teacher: Teacher | None
    done: list[FitPlan] = field(default_factory=list)

    def run(self, model: keras.Model, step: int, progress: Progress) -> tuple[keras.Model, list[dict[str, float]]]:
        """The model after the share of the epochs that step `step` has, and their history."""
        if not self.config.epochs:
            return model, []
        plan = self._plan(step)
        self.done.append(plan)
        with make_strategy(self.config).scope():
            learner = KerasArtifact.from_model(model, self.name).fresh_model()
            history = fit(learner, self.data, plan, progress, teacher=self.teacher).history
        tuned = KerasArtifact.from_model(learner, self.name).fresh_model() if self.config.distributed else learner
        return tuned, history

    def _plan(self, step: int) -> FitPlan:
        config = self.config
        epochs = config.epochs * step // config.iterative - config.epochs * (step - 1) // config.iterative
        return FitPlan(
            epochs,
            config.batch_size,
            config.learning_rate,
            config.seed + step - 1,
            decay="cosine",
            augment=config.augment,
            metric=config.metric,
        )

    @property
    def training(self) -> Training | None:
        """All that was run, as a control repeats it: a step in which nothing leaves trains nothing."""
        return Training(self.done, self.teacher) if self.done else None
