"""How a student learns from a teacher."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from tfopt.config.fields import Count, LearningRate, Seed, Share
from tfopt.config.fine_tuning import DistributedConfig
from tfopt.models.config import ModelConfig

Temperature = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class DistillConfig(DistributedConfig):
    """How to distill: `student` is a model to build or a file, `alpha` the weight of the labels in the loss.

    The teacher's answers weigh 1 - alpha; those of a classifier are softened by `temperature`, by default 4. With
    `features` layers of the student learn to give what layers of the teacher give. The learning rate falls to zero
    along a cosine.
    """

    student: ModelConfig | Path = ModelConfig(size="tiny")
    temperature: Temperature | None = None
    alpha: Share = 0.1
    features: bool = False
    epochs: Count = 30
    batch_size: Count = 64
    learning_rate: LearningRate = 1e-3
    patience: Count = 10
    seed: Seed = 0
