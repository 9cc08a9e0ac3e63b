"""The commands that only look: they load, measure and report, and make no file."""

from collections.abc import Sequence

from tfopt.core.provenance import DataLike, data_for, load_dataset
from tfopt.core.result import report_of, summary
from tfopt.evaluation.config import Gates
from tfopt.formats.loading import ModelLike, load, load_keras
from tfopt.report.inspection import Inspection
from tfopt.report.schema import Report
from tfopt.report.shootout import ShootoutReport
from tfopt.report.versions import versions
from tfopt.runtime.progress import Progress, Silent
from tfopt.shootout.config import ShootoutConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig


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
    from tfopt.techniques.quantization.post_training import inspect
    from tfopt.techniques.structured.sensitivity import group_losses

    config, progress = config or QuantizeConfig(), progress or Silent()
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    if isinstance(config, StructuredConfig):
        groups, remarks = group_losses(artifact, config, dataset, progress)
        return report_of("debug", config, dataset, [artifact], progress, groups=groups, notes=[*notes, *remarks])
    before, after, errors, remarks = inspect(artifact, config, dataset, progress)
    return report_of("debug", config, dataset, [before, after], progress, errors=errors, notes=[*notes, *remarks])


def shootout(
    config: ShootoutConfig | None = None, data: DataLike = "digits", *, progress: Progress | None = None
) -> ShootoutReport:
    """Train architectures at an equal budget with several seeds, and measure them on the test split of `data`."""
    from tfopt.shootout.shootout import shootout as run

    config, progress = config or ShootoutConfig(), progress or Silent()
    dataset = load_dataset(data, None, progress)
    contestants, notes = run(config, dataset, progress)
    return ShootoutReport(
        config=config.model_dump(mode="json"),
        data=summary(dataset),
        budget=config.budget,
        contestants=contestants,
        notes=[*dataset.notes, *notes],
        versions=versions(),
    )


def inspect(model: ModelLike, *, int8: bool = True, progress: Progress | None = None) -> Inspection:
    """Say what is in a model and what each technique can do with its layers; for `int8` it is quantized to see."""
    from tfopt.inspection import inspect as look_into

    return look_into(load(model), progress or Silent(), int8=int8)


def evaluate(model: ModelLike, data: DataLike | None = None, *, progress: Progress | None = None) -> Report:
    """Measure one model on the test split of the data it remembers or of `data`."""
    return _compare("evaluate", [model], data, Gates(), progress or Silent())


def compare(
    models: Sequence[ModelLike],
    data: DataLike | None = None,
    gates: Gates | None = None,
    *,
    progress: Progress | None = None,
) -> Report:
    """Measure several models side by side; the first is the baseline, the others must respect `gates`."""
    return _compare("compare", models, data, gates or Gates(), progress or Silent())


def _compare(
    command: str, models: Sequence[ModelLike], data: DataLike | None, gates: Gates, progress: Progress
) -> Report:
    artifacts = [load(model) for model in models]
    remembering = next((a for a in artifacts if a.provenance and a.provenance.data), artifacts[0])
    dataset, notes = data_for(remembering, data, progress)
    return report_of(command, gates, dataset, artifacts, progress, notes=notes)
