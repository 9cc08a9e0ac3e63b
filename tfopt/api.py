"""The verbs of the library: each is a line or two over a pipeline, a measurement or a search.

    result = tfopt.prune("model.keras", tfopt.PruneConfig(sparsity=0.5))
    result.artifact.save("model-pruned.keras")

A model is given as a path, a `keras.Model` or an artifact and is left alone; data as a name, a path, a `DataConfig` or
a `Dataset`, left out they are what the model remembers. Every mistake is a `TfoptError` that names the argument.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from tfopt.config.fields import Config
from tfopt.config.run import FolderConfig
from tfopt.conversion.config import FloatConfig
from tfopt.core.pipeline import Pipeline
from tfopt.core.provenance import DataLike, data_for, load_dataset, provenance_of, with_threshold
from tfopt.core.recipe import Step
from tfopt.core.result import Result, report_files, report_of
from tfopt.distribution.strategies import create_logical_devices
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import InputError
from tfopt.evaluation.config import Gates
from tfopt.evaluation.metrics.named import MetricLike
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load_keras
from tfopt.formats.loading import load as load_artifact
from tfopt.models.applications import PREFIX
from tfopt.models.config import BuildConfig
from tfopt.report.inspection import Inspection
from tfopt.report.schema import Report
from tfopt.report.shootout import ShootoutReport
from tfopt.runtime.process_state import preserved
from tfopt.runtime.progress import Progress, Silent
from tfopt.shootouts.config import ShootoutConfig
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.techniques.convert.technique import ToKerasConfig, ToOnnxConfig
from tfopt.techniques.distillation.config import DistillConfig
from tfopt.techniques.distillation.technique import Distill
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.training.checkpoint import RunFiles
from tfopt.training.config import TrainConfig
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.study_files import StudyFiles

C = TypeVar("C", bound=Config)


@preserved()
def load(model: ModelLike) -> Artifact:
    """Load a model file, or wrap a `keras.Model`: a `KerasArtifact`, or a `TfliteArtifact` of a `.tflite` file."""
    return load_artifact(model)


def prune(
    model: ModelLike,
    config: PruneConfig | StructuredConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Prune a Keras model, fine-tuned on the data it remembers or on `data`.

    With a `PruneConfig` weights become zero; with a `StructuredConfig` channels, heads or blocks leave.
    """
    config = _checked(config or PruneConfig(), PruneConfig, StructuredConfig)
    return Pipeline([config]).run(model, data, name=name, progress=progress)


def cluster(
    model: ModelLike,
    config: ClusterConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Cluster the weights of a Keras model, trained on the data it remembers or on `data`."""
    config = _checked(config or ClusterConfig(), ClusterConfig)
    return Pipeline([config]).run(model, data, name=name, progress=progress)


def quantize(
    model: ModelLike,
    config: QuantizeConfig | QatConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Quantize a Keras model after training, or train it for that with a `QatConfig`; then a `.keras` comes with it."""
    config = _checked(config or QuantizeConfig(), QuantizeConfig, QatConfig)
    return Pipeline([config]).run(model, data, name=name, progress=progress)


def binarize(
    model: ModelLike,
    config: BinarizeConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Binarize a Keras model, trained on the data it remembers or on `data`; the `.tflite` file is a companion."""
    config = _checked(config or BinarizeConfig(), BinarizeConfig)
    return Pipeline([config]).run(model, data, name=name, progress=progress)


def distill(
    teacher: ModelLike,
    config: DistillConfig | None = None,
    data: DataLike | None = None,
    *,
    student: ModelLike | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Teach a small Keras model, `student` or the one of the config, what `teacher` answers; both are left alone."""
    config = _checked(config or DistillConfig(), DistillConfig)
    return Pipeline([Step(Distill(student), config)]).run(teacher, data, name=name, progress=progress)


def convert(
    model: ModelLike,
    config: FloatConfig | None = None,
    data: DataLike | None = None,
    *,
    to: Literal["tflite", "keras", "onnx"] = "tflite",
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Convert a model into a float32 `.tflite` file, the baseline of quantized ones, or to ONNX, or an old one."""
    others = {"keras": ToKerasConfig, "onnx": ToOnnxConfig}
    if to not in ("tflite", *others):
        raise InputError(f"`to` {to} is no format; there are tflite, keras and onnx")
    step = others[to]() if to in others else _checked(config or FloatConfig(), FloatConfig)
    return Pipeline([step]).run(model, data, name=name, progress=progress)


@preserved()
def build(
    config: BuildConfig | None = None,
    data: DataLike = "digits",
    *,
    name: str = "model.keras",
    progress: Progress | None = None,
) -> Result:
    """Build a new model for `data` and leave it untrained; it remembers the data, as a trained one does."""
    from tfopt.models.architectures import build as build_model
    from tfopt.models.signature import Signature
    from tfopt.training.seeds import seed_everything

    config, progress = _checked(config or BuildConfig(), BuildConfig), progress or Silent()
    dataset = load_dataset(data, None, progress)
    seed_everything(config.seed)
    model = build_model(config, Signature.of(dataset))
    artifact = KerasArtifact.from_model(model, name, provenance_of(dataset, "build", config))
    return Result(artifact, report_of("build", config, dataset, [artifact], progress, untrained=True))


@preserved()
def train(
    config: TrainConfig | None = None,
    data: DataLike = "digits",
    *,
    files: RunFiles | None = None,
    name: str = "model.keras",
    progress: Progress | None = None,
    workers: WorkersConfig | None = None,
) -> Result:
    """Train a new model on the train split of `data`, select it on the validation, measure it on the test split.

    With `workers` it is trained by several processes (see `tfopt.distribution.workers`).
    """
    from tfopt.distribution.workers.training import train_by_workers
    from tfopt.training.train import completed, summary_of
    from tfopt.training.train import train as train_model

    config, progress = _checked(config or TrainConfig(), TrainConfig), progress or Silent()
    if workers and (config.replicas or config.jit):
        option = "`replicas`" if config.replicas else "`jit`"
        raise InputError(f"{option} is for one process: leave it out with `workers`")
    create_logical_devices(config)
    base = load_keras(config.base) if config.base and not config.base.startswith(PREFIX) else None
    dataset = load_dataset(data, base.provenance.inputs_only() if base and base.provenance else None, progress)
    if workers:
        made = train_by_workers(config, dataset, workers, files, progress)
    else:
        made = train_model(config, dataset, progress, files, base.fresh_model if base else None)
    provenance = with_threshold(provenance_of(dataset, "train", config), made.model, dataset)
    artifact = KerasArtifact.from_model(made.model, name, provenance)
    notes = [*dataset.notes, *summary_of(made, config, dataset)]
    report = report_of("train", config, dataset, [artifact], progress, notes=notes)
    return Result(artifact, completed(report, made, dataset))


@preserved()
def tune(
    config: TuneConfig | None = None,
    data: DataLike = "digits",
    *,
    files: StudyFiles | None = None,
    name: str = "best.keras",
    progress: Progress | None = None,
) -> Result:
    """Search for the training options that do best on the validation split of `data`; `files` are where it is kept."""
    from tfopt.tuning.tune import tune as tune_model

    config, progress = _checked(config or TuneConfig(), TuneConfig), progress or Silent()
    return Result(*tune_model(config, load_dataset(data, None, progress), files, name, progress))


@preserved()
def shootout(
    config: ShootoutConfig | None = None, data: DataLike = "digits", *, progress: Progress | None = None
) -> ShootoutReport:
    """Train architectures at an equal budget with several seeds, and measure them on the test split of `data`."""
    from tfopt.shootouts.comparison import report_shootout

    config, progress = _checked(config or ShootoutConfig(), ShootoutConfig), progress or Silent()
    return report_shootout(config, load_dataset(data, None, progress), progress)


@preserved()
def run(recipe: str | Path, config: FolderConfig | None = None, *, progress: Progress | None = None) -> Result:
    """Run a recipe in a folder that keeps what each step makes, and write its result there (see `FolderConfig`)."""
    from tfopt.core.recipe_file import open_recipe
    from tfopt.core.recipe_run import run_recipe

    config = _checked(config or FolderConfig(), FolderConfig)
    return run_recipe(open_recipe(Path(recipe)), config, progress or Silent())


@preserved()
def debug(
    model: ModelLike,
    config: QuantizeConfig | StructuredConfig | None = None,
    data: DataLike | None = None,
    *,
    progress: Progress | None = None,
) -> Report:
    """Say what quantizing does to each layer of a Keras model, or what it costs if channels leave, worst first.

    The latter with a `StructuredConfig`; nothing is written.
    """
    from tfopt.inspection.debugging import debug_report

    config, progress = _checked(config or QuantizeConfig(), QuantizeConfig, StructuredConfig), progress or Silent()
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    return debug_report(artifact, config, dataset, notes, progress)


@preserved()
def inspect(model: ModelLike, *, trial: bool = False, progress: Progress | None = None) -> Inspection:
    """Say what is in a model and what each technique can do with its layers; on `trial` it is quantized to see."""
    from tfopt.inspection import inspect as look_into

    return look_into(load_artifact(model), progress or Silent(), trial=trial)


@preserved()
def evaluate(
    model: ModelLike,
    data: DataLike | None = None,
    *,
    metric: MetricLike | None = None,
    progress: Progress | None = None,
) -> Report:
    """Measure one model on the test split of the data it remembers or of `data`, by a `metric`, too."""
    return report_files("evaluate", [model], data, Gates(metric=metric), progress or Silent())


@preserved()
def compare(
    models: Sequence[ModelLike],
    data: DataLike | None = None,
    gates: Gates | None = None,
    *,
    progress: Progress | None = None,
) -> Report:
    """Measure several models side by side; the first is the baseline, the others must respect `gates`."""
    gates = _checked(gates or Gates(), Gates, argument="gates")
    return report_files("compare", models, data, gates, progress or Silent())


def _checked(config: C, *kinds: type[Config], argument: str = "config") -> C:
    """Return `config`; raise `InputError` if it is of none of these kinds."""
    if type(config) not in kinds:
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"`{argument}` must be a {wanted}, not {type(config).__name__}")
    return config
