"""What was asked for: one validated, frozen config per technique, for the command line and for Python."""

from tfopt.config.data import DataConfig
from tfopt.config.distillation import DistillConfig
from tfopt.config.distribution import DistributedConfig
from tfopt.config.fields import Config, Count, Fraction, LearningRate, Seed, Share
from tfopt.config.shootout import ShootoutConfig
from tfopt.config.structured import StructuredConfig
from tfopt.config.teaching import TaughtConfig
from tfopt.config.techniques import (
    BinarizeConfig,
    ClusterConfig,
    ConvertConfig,
    FloatConfig,
    Gates,
    PruneConfig,
    QatConfig,
    QuantizeConfig,
)
from tfopt.config.training import BuildConfig, ModelConfig, TrainConfig
from tfopt.config.tuning import TuneConfig
from tfopt.config.workers import WorkersConfig

__all__ = [
    "BinarizeConfig",
    "BuildConfig",
    "ClusterConfig",
    "Config",
    "ConvertConfig",
    "Count",
    "DataConfig",
    "DistillConfig",
    "DistributedConfig",
    "FloatConfig",
    "Fraction",
    "Gates",
    "LearningRate",
    "ModelConfig",
    "PruneConfig",
    "QatConfig",
    "QuantizeConfig",
    "Seed",
    "Share",
    "ShootoutConfig",
    "StructuredConfig",
    "TaughtConfig",
    "TrainConfig",
    "TuneConfig",
    "WorkersConfig",
]
