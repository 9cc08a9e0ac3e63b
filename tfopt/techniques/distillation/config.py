"""Options of distillation: a student learns from a teacher."""

import contextlib
from pathlib import Path
from typing import Annotated, get_args

from pydantic import BeforeValidator, Field

from tfopt.config.choices import Arch, Size
from tfopt.config.fields import AdamRate, Option, Seed, Share, SuitedBatchSize, SuitedEpochs, SuitedPatience
from tfopt.config.fine_tuning import ControlledConfig
from tfopt.models.config import ModelConfig

TEMPERATURE = 4.0
Softening = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False), Option("T")]


def _student(given: object) -> object:
    """Read ARCH[:SIZE], as in cnn:tiny, or the path of a model."""
    if not isinstance(given, str):
        return given
    path = Path(given)
    with contextlib.suppress(OSError):
        if path.suffix or path.exists():
            return path
    arch, _, size = given.partition(":")
    if arch not in get_args(Arch) or (size or "tiny") not in get_args(Size):
        raise ValueError(
            f"{given} is neither a model file nor an architecture ({', '.join(get_args(Arch))}), alone or"
            f" with a size ({', '.join(get_args(Size))}) as in cnn:tiny"
        )
    return {"arch": arch, "size": size or "tiny"}


class DistillConfig(ControlledConfig):
    """Options of distillation: `student` is a model to build or a file, `alpha` the weight of the labels in the loss.

    The teacher's answers weigh 1 - alpha; those of a classifier are softened by `temperature`, by default 4. With
    `features` layers of the student learn to give what layers of the teacher give. The learning rate falls to zero
    along a cosine. Of `epochs`, `batch_size` and `patience` None is what suits the number of samples.
    """

    student: Annotated[
        ModelConfig | Path,
        Field(
            description="The model that learns: a new one, as cnn:tiny, or a .keras file, of which a copy is trained;"
            " left out: the architecture that suits the data, tiny."
        ),
        BeforeValidator(_student),
        Option("ARCH[:SIZE]|FILE", model=True),
    ] = ModelConfig(size="tiny")
    temperature: Annotated[
        Softening | None,
        Field(description=f"Soften the teacher's probabilities: above 1, wrong classes show more ({TEMPERATURE:g})."),
    ] = None
    alpha: Annotated[Share, Field(description="Weight of the labels in the loss; the teacher has the rest.")] = 0.1
    features: Annotated[bool, Field(description="Let layers learn from the teacher's of the same size, too.")] = False
    epochs: SuitedEpochs = None
    batch_size: SuitedBatchSize = None
    learning_rate: AdamRate = 1e-3
    patience: SuitedPatience = None
    seed: Seed = 0
