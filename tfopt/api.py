"""The story every command tells that makes one model of another: load, measure, transform, measure, report."""

from pathlib import Path
from typing import Literal

from tfopt.config.fields import Config
from tfopt.conversion.config import FloatConfig
from tfopt.core.provenance import DataLike, data_for, next_provenance
from tfopt.core.result import Result, report_of
from tfopt.data import Dataset
from tfopt.distribution.strategies import set_up
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import ModelLike, load_keras
from tfopt.runtime.progress import Progress, Silent
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.techniques.distillation.config import DistillConfig
from tfopt.techniques.pruning.config import PruneConfig
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.structured.config import StructuredConfig


def prune(
    model: ModelLike,
    config: PruneConfig | StructuredConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Prune a Keras model, fine-tuned on the data it remembers or on `data`; `model` is left alone.

    With a `PruneConfig` weights become zero; with a `StructuredConfig` channels, heads or blocks leave.
    """
    from tfopt.techniques.pruning.either import prune as prune_model

    config, progress = config or PruneConfig(), progress or Silent()
    set_up(config)
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    pruned = prune_model(artifact, config, dataset, progress)
    provenance = next_provenance(artifact, dataset, "prune", config)
    after = KerasArtifact.of(pruned.model, name or f"{Path(artifact.name).stem}-pruned.keras", provenance)
    return Result(
        after,
        report_of(
            "prune", config, dataset, [artifact, after], progress,
            layers=pruned.layers, notes=[*notes, *pruned.notes], history=pruned.history,
        ),
    )  # fmt: skip


def cluster(
    model: ModelLike,
    config: ClusterConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Cluster the weights of a Keras model, trained on the data it remembers or on `data`; `model` is left alone."""
    from tfopt.techniques.clustering.cluster import cluster as cluster_model

    config, progress = config or ClusterConfig(), progress or Silent()
    set_up(config)
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    made = cluster_model(artifact, config, dataset, progress)
    name = name or f"{Path(artifact.name).stem}-clustered.keras"
    after = KerasArtifact.of(made.model, name, next_provenance(artifact, dataset, "cluster", config))
    return Result(
        after,
        report_of(
            "cluster", config, dataset, [artifact, after], progress,
            layers=made.layers, notes=[*notes, *made.notes], history=made.history,
        ),
    )  # fmt: skip


def quantize(
    model: ModelLike,
    config: QuantizeConfig | QatConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Quantize a Keras model into a `.tflite` file, on the data it remembers or on `data`.

    With a `QuantizeConfig` that is done after training; with a `QatConfig` the model is trained for it.
    """
    from tfopt.techniques.quantization.post_training import quantize as quantize_model

    config, progress = config or QuantizeConfig(), progress or Silent()
    set_up(config)
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    if isinstance(config, QatConfig):
        return _quantize_aware(artifact, config, dataset, notes, name, progress)
    quantized = quantize_model(artifact, config, dataset, progress)
    after = quantized.artifact
    after.name = name or after.name
    return Result(
        after,
        report_of(
            "quantize", config, dataset, [artifact, quantized.float_artifact, after], progress,
            layers=quantized.layers, notes=[*notes, *quantized.notes], gates=quantized.gates,
        ),
    )  # fmt: skip


def _quantize_aware(
    artifact: KerasArtifact,
    config: QatConfig,
    dataset: Dataset | None,
    notes: list[str],
    name: str | None,
    progress: Progress,
) -> Result:
    from tfopt.techniques.qat.qat import quantize_aware

    made = quantize_aware(artifact, config, dataset, progress)
    after = made.artifact
    after.name = name or after.name
    trained = KerasArtifact.of(
        made.model, f"{after.name.removesuffix('.tflite')}.keras", next_provenance(artifact, dataset, "qat", config)
    )
    return Result(
        after,
        report_of(
            "quantize", config, dataset, [artifact, trained, made.float_artifact, after], progress,
            layers=made.layers, notes=[*notes, *made.notes], history=made.history,
        ),
        trained,
    )  # fmt: skip


def binarize(
    model: ModelLike,
    config: BinarizeConfig | None = None,
    data: DataLike | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Binarize a Keras model, trained on the data it remembers or on `data`; `model` is left alone.

    The artifact is the `.keras` file; the `.tflite` file is `beside`.
    """
    from tfopt.techniques.binarization.binarize import binarize as binarize_model
    from tfopt.techniques.binarization.verdicts import verdicts

    config, progress = config or BinarizeConfig(), progress or Silent()
    set_up(config)
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    name = name or f"{Path(artifact.name).stem}-{config.mode}.keras"
    made = binarize_model(artifact, config, dataset, name, progress)
    provenance = next_provenance(artifact, dataset, "binarize", config)
    after = KerasArtifact.of(made.model, name, provenance, deflated=not config.plain)
    report = report_of(
        "binarize", config, dataset, [artifact, after, *made.others, made.artifact], progress,
        layers=made.layers, notes=[*notes, *made.notes], history=made.history,
    )  # fmt: skip
    return Result(after, report.saying(verdicts(report, made.bits)), made.artifact)


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
    from tfopt.techniques.distillation.distill import distill as distill_model

    config, progress = config or DistillConfig(), progress or Silent()
    set_up(config)
    artifact = load_keras(teacher)
    given = student or (config.student if isinstance(config.student, Path) else None)
    shown = [artifact, *([load_keras(given)] if given else [])]
    dataset, notes = data_for(artifact, data, progress)
    made = distill_model(artifact, shown[1] if given else None, config, dataset, progress)
    provenance = next_provenance(artifact, dataset, "distill", config)
    shown.append(KerasArtifact.of(made.model, name or f"{Path(artifact.name).stem}-distilled.keras", provenance))
    notes += made.notes
    return Result(shown[-1], report_of("distill", config, dataset, shown, progress, notes=notes, history=made.history))


def convert(
    model: ModelLike,
    config: FloatConfig | None = None,
    data: DataLike | None = None,
    *,
    to: Literal["tflite", "keras"] = "tflite",
    name: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Convert a model into a float32 `.tflite` file, the baseline of quantized ones, or an old one into a `.keras`."""
    from tfopt.conversion.sparse_encoding import float_file

    config, progress = config or FloatConfig(), progress or Silent()
    artifact = load_keras(model)
    dataset, notes = data_for(artifact, data, progress)
    name = name or f"{Path(artifact.name).stem}.{to}"
    if to == "keras":
        provenance = next_provenance(artifact, dataset, "convert", Config())
        carried = KerasArtifact.of(artifact.model, name, provenance)
        return Result(carried, report_of("convert", Config(), dataset, [carried], progress, notes=notes))
    after, before, remarks = float_file(artifact, config, progress)
    after.name = name
    shown: list[Artifact] = [artifact, *([before] if before else []), after]
    return Result(after, report_of("convert", config, dataset, shown, progress, notes=[*notes, *remarks]))
