"""Make Keras models smaller and faster, and tell the truth about what that cost.

    result = tfopt.prune("model.keras", tfopt.PruneConfig(sparsity=0.5))
    result.artifact.save("model-pruned.keras")

Importing tfopt does not import TensorFlow; the first use of a name below does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tfopt.runtime.import_hook import register_layers

if TYPE_CHECKING:
    from tfopt.api import (
        binarize,
        build,
        cluster,
        compare,
        convert,
        debug,
        distill,
        evaluate,
        inspect,
        prune,
        quantize,
        shootout,
        train,
        tune,
    )
    from tfopt.config.fields import Config
    from tfopt.conversion.config import FloatConfig
    from tfopt.core.context import Context
    from tfopt.core.outcome import Outcome
    from tfopt.core.pipeline import Pipeline, Step
    from tfopt.core.recipe import Recipe
    from tfopt.core.result import Result
    from tfopt.core.technique import Technique
    from tfopt.data.config import DataConfig
    from tfopt.data.dataset import Dataset
    from tfopt.errors import ConversionError, InputError, OutputError, TfoptError, UnsupportedError
    from tfopt.evaluation.config import Gates
    from tfopt.evaluation.prediction import predict
    from tfopt.formats.keras.artifact import KerasArtifact
    from tfopt.formats.keras.custom_objects import register_custom_objects
    from tfopt.formats.loading import load
    from tfopt.models.config import BuildConfig
    from tfopt.report.inspection import Inspection, Verdict
    from tfopt.report.schema import LayerChange, Report
    from tfopt.shootout.config import ShootoutConfig
    from tfopt.techniques.binarization.config import BinarizeConfig
    from tfopt.techniques.clustering.config import ClusterConfig
    from tfopt.techniques.distillation.config import DistillConfig
    from tfopt.techniques.pruning.config import PruneConfig
    from tfopt.techniques.qat.config import QatConfig
    from tfopt.techniques.quantization.config import QuantizeConfig
    from tfopt.techniques.structured.config import StructuredConfig
    from tfopt.training.config import TrainConfig
    from tfopt.tuning.config import TuneConfig

_HOMES = {
    "tfopt.config.fields": ("Config",),
    "tfopt.core.context": ("Context",),
    "tfopt.formats.keras.artifact": ("KerasArtifact",),
    "tfopt.formats.keras.custom_objects": ("register_custom_objects",),
    "tfopt.formats.loading": ("load",),
    "tfopt.techniques.binarization.config": ("BinarizeConfig",),
    "tfopt.models.config": ("BuildConfig",),
    "tfopt.techniques.clustering.config": ("ClusterConfig",),
    "tfopt.techniques.distillation.config": ("DistillConfig",),
    "tfopt.conversion.config": ("FloatConfig",),
    "tfopt.data.config": ("DataConfig",),
    "tfopt.evaluation.config": ("Gates",),
    "tfopt.techniques.pruning.config": ("PruneConfig",),
    "tfopt.techniques.qat.config": ("QatConfig",),
    "tfopt.techniques.quantization.config": ("QuantizeConfig",),
    "tfopt.shootout.config": ("ShootoutConfig",),
    "tfopt.techniques.structured.config": ("StructuredConfig",),
    "tfopt.training.config": ("TrainConfig",),
    "tfopt.tuning.config": ("TuneConfig",),
    "tfopt.data.dataset": ("Dataset",),
    "tfopt.errors": ("ConversionError", "InputError", "OutputError", "TfoptError", "UnsupportedError"),
    "tfopt.evaluation.prediction": ("predict",),
    "tfopt.report.inspection": ("Inspection", "Verdict"),
    "tfopt.report.schema": ("LayerChange", "Report"),
    "tfopt.core.outcome": ("Outcome",),
    "tfopt.core.pipeline": ("Pipeline", "Step"),
    "tfopt.core.recipe": ("Recipe",),
    "tfopt.core.result": ("Result",),
    "tfopt.core.technique": ("Technique",),
    "tfopt.api": (
        "binarize",
        "build",
        "cluster",
        "compare",
        "convert",
        "debug",
        "distill",
        "evaluate",
        "inspect",
        "prune",
        "quantize",
        "shootout",
        "train",
        "tune",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BinarizeConfig",
    "BuildConfig",
    "ClusterConfig",
    "Config",
    "Context",
    "ConversionError",
    "DataConfig",
    "Dataset",
    "DistillConfig",
    "FloatConfig",
    "Gates",
    "InputError",
    "Inspection",
    "KerasArtifact",
    "LayerChange",
    "Outcome",
    "OutputError",
    "Pipeline",
    "PruneConfig",
    "QatConfig",
    "QuantizeConfig",
    "Recipe",
    "Report",
    "Result",
    "ShootoutConfig",
    "Step",
    "StructuredConfig",
    "Technique",
    "TfoptError",
    "TrainConfig",
    "TuneConfig",
    "UnsupportedError",
    "Verdict",
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
