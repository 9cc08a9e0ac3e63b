"""New models, from a data set alone or from a base: build, train, search; then measure and report as ever."""

from tfopt.core.provenance import DataLike, load_dataset, provenance_of
from tfopt.core.result import Result, report_of
from tfopt.distribution.strategies import set_up
from tfopt.distribution.workers.config import WorkersConfig
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.models.applications import PREFIX
from tfopt.models.config import BuildConfig
from tfopt.runtime.progress import Progress, Silent
from tfopt.training.batches import steps_per_epoch
from tfopt.training.checkpoint import START
from tfopt.training.config import TrainConfig
from tfopt.training.fit import RunFiles
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.study_files import StudyFiles


def build(
    config: BuildConfig | None = None,
    data: DataLike = "digits",
    *,
    name: str = "model.keras",
    progress: Progress | None = None,
) -> Result:
    """Build a new model for `data` and leave it untrained; it remembers the data, as a trained one does."""
    from tfopt.models import Signature
    from tfopt.models import build as build_model
    from tfopt.training.seeds import seed_everything

    config, progress = config or BuildConfig(), progress or Silent()
    dataset = load_dataset(data, None, progress)
    seed_everything(config.seed)
    model = build_model(config, Signature.of(dataset))
    artifact = KerasArtifact.of(model, name, provenance_of(dataset, "build", config))
    return Result(artifact, report_of("build", config, dataset, [artifact], progress, untrained=True))


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
    from tfopt.training.train import train as train_model

    config, progress = config or TrainConfig(), progress or Silent()
    if workers and (config.replicas or config.jit):
        option = "--replicas" if config.replicas else "--jit"
        raise InputError(f"{option} is for one process: leave it out with --workers")
    set_up(config)
    base = load_keras(config.base) if config.base and not config.base.startswith(PREFIX) else None
    dataset = load_dataset(data, base.provenance.inputs_only() if base and base.provenance else None, progress)
    if workers:
        from tfopt.distribution.workers.launching import train as train_by_workers

        trained = train_by_workers(config, dataset, workers, files, progress)
    else:
        trained = train_model(config, dataset, progress, files, base.fresh_model if base else None)
    artifact = KerasArtifact.of(trained.model, name, provenance_of(dataset, "train", config))
    epochs = len(trained.result.history)
    most = f"{config.epochs}{' in each part' * bool(config.base)}"
    told = f"{epochs} epochs trained of at most {most}, the weights are those of epoch {trained.result.best_epoch + 1}"
    notes = [*dataset.notes, *trained.notes, told]
    notes += [f"resumed after {trained.result.resumed_at}"] if trained.result.resumed_at != START else []
    if len(trained.replicas) > 1:
        notes.append(_shared(len(trained.replicas), trained.result.steps, len(dataset.train), config))
    return Result(
        artifact,
        report_of(
            "train", config, dataset, [artifact], progress,
            notes=notes, replicas=trained.replicas, history=trained.result.history,
        ),
    )  # fmt: skip


def _shared(replicas: int, steps: int, samples: int, config: TrainConfig) -> str:
    seen = steps // steps_per_epoch(samples, config.batch_size) * samples
    scaled = f", at {replicas} times the learning rate" if config.scale_lr else ""
    return f"{replicas} replicas made {steps:,} steps on {seen:,} samples, in each epoch on all {samples:,}{scaled}"


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

    progress = progress or Silent()
    return Result(*tune_model(config or TuneConfig(), load_dataset(data, None, progress), files, name, progress))
