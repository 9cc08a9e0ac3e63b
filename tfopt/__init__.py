"""Make Keras models smaller and faster, and tell the truth about what that cost.

    result = tfopt.prune("model.keras", tfopt.PruneConfig(sparsity=0.5))
    result.artifact.save("model-pruned.keras")

Importing tfopt does not import TensorFlow; the first use of a name below does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tfopt.registering import register_layers

if TYPE_CHECKING:
    from tfopt.artifacts.custom import register_custom_objects
    from tfopt.artifacts.loading import load
    from tfopt.config import (
        BinarizeConfig,
        BuildConfig,
        ClusterConfig,
        DataConfig,
        DistillConfig,
        FloatConfig,
        Gates,
        PruneConfig,
        QatConfig,
        QuantizeConfig,
        ShootoutConfig,
        StructuredConfig,
        TrainConfig,
        TuneConfig,
    )
    from tfopt.creating import build, train, tune
    from tfopt.data import Dataset
    from tfopt.errors import ConversionError, InputError, OutputError, TfoptError, UnsupportedError
    from tfopt.judging import compare, debug, evaluate, inspect, shootout
    from tfopt.predicting import predict
    from tfopt.report.inspection import Inspection
    from tfopt.report.report import Report
    from tfopt.reporting import Result
    from tfopt.workflow import binarize, cluster, convert, distill, prune, quantize

_HOMES = {
    "tfopt.artifacts.custom": ("register_custom_objects",),
    "tfopt.artifacts.loading": ("load",),
    "tfopt.config": (
        "BinarizeConfig",
        "BuildConfig",
        "ClusterConfig",
        "DistillConfig",
        "FloatConfig",
        "DataConfig",
        "Gates",
        "PruneConfig",
        "QatConfig",
        "QuantizeConfig",
        "ShootoutConfig",
        "StructuredConfig",
        "TrainConfig",
        "TuneConfig",
    ),
    "tfopt.creating": ("build", "train", "tune"),
    "tfopt.data": ("Dataset",),
    "tfopt.errors": ("ConversionError", "InputError", "OutputError", "TfoptError", "UnsupportedError"),
    "tfopt.predicting": ("predict",),
    "tfopt.judging": ("compare", "debug", "evaluate", "inspect", "shootout"),
    "tfopt.report.inspection": ("Inspection",),
    "tfopt.report.report": ("Report",),
    "tfopt.reporting": ("Result",),
    "tfopt.workflow": ("binarize", "cluster", "convert", "distill", "prune", "quantize"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BinarizeConfig",
    "BuildConfig",
    "ClusterConfig",
    "ConversionError",
    "DataConfig",
    "Dataset",
    "DistillConfig",
    "FloatConfig",
    "Gates",
    "InputError",
    "Inspection",
    "OutputError",
    "PruneConfig",
    "QatConfig",
    "QuantizeConfig",
    "Report",
    "Result",
    "ShootoutConfig",
    "StructuredConfig",
    "TfoptError",
    "TrainConfig",
    "TuneConfig",
    "UnsupportedError",
    "__version__",
    "binarize",
    "build",
    "cluster",
    "compare",
    "convert",
    "debug",
    "distill",
    "evaluate",
    "inspect",
    "load",
    "predict",
    "prune",
    "quantize",
    "register_custom_objects",
    "shootout",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("tfopt")
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'tfopt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


register_layers()
