"""Training a new model from an architecture and a data set."""

from dataclasses import dataclass

import keras

from tfopt.config import TrainConfig
from tfopt.data import Dataset
from tfopt.models import Signature, build
from tfopt.progress import Progress
from tfopt.training.devices import replica_devices, strategy
from tfopt.training.fit import FitPlan, FitResult, RunFiles, fit
from tfopt.training.seeding import seed_everything


@dataclass(frozen=True)
class Trained:
    """A trained model, how its training went, and the device of each replica."""

    model: keras.Model
    result: FitResult
    replicas: list[str]


def train(config: TrainConfig, data: Dataset, progress: Progress, files: RunFiles | None = None) -> Trained:
    """Build and train a model on the train split, selected on the validation split."""
    seed_everything(config.seed)
    where = strategy(config.distributed, config.replicas)
    with where.scope():
        model = build(config, Signature.of(data))
        plan = FitPlan(config.epochs, config.batch_size, config.learning_rate, config.seed, config.patience)
        result = fit(model, data, plan, progress, files=files)
    return Trained(model, result, replica_devices(where, model))
