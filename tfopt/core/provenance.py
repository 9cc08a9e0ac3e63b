"""A command works on the data it was given or those the model remembers, and its result remembers them in turn."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from tfopt.config.fields import Config
from tfopt.core.technique import AnyTechnique
from tfopt.data.config import TFDS, DataConfig
from tfopt.data.dataset import Dataset
from tfopt.data.fed_values import FedValues
from tfopt.data.loader import load
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.python_data import InMemory, PythonData, read_python_data
from tfopt.data.scaling import IDENTITY
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.matching import match_artifact
from tfopt.formats.provenance import Provenance, Step
from tfopt.report.schema import package_versions
from tfopt.runtime.progress import Progress, Silent
from tfopt.typing import Json

DataLike = str | Path | DataConfig | Dataset | PythonData
NORMAL = 0.99  # of the normal samples of the validation split, that are not called anomalous
Asked = DataConfig | Dataset | InMemory
SHOWN = 10  # classes


def data_for(artifact: Artifact, data: DataLike | None, progress: Progress) -> tuple[Dataset | None, list[str]]:
    """The data given, else what the model remembers, else None; raise `InputError` if it does not fit the model."""
    memory = artifact.provenance
    remembered = memory.data if memory else None
    if data is None and remembered is None:
        return None, []
    if data is None and remembered and remembered.in_memory:
        return None, [f"{artifact.name} was trained on data that were given in Python: without `data` none are used"]
    if "string" in artifact.input_types():
        raise InputError(f"{artifact.name} takes text itself; data sets here feed token ids")
    dataset = load_dataset(_same_splits(data, memory, artifact.name), _fitted(memory), progress)
    dataset = match_artifact(dataset, artifact)
    notes = [*dataset.notes, *_order_of_classes(dataset, memory, artifact.name)]
    if (
        memory
        and remembered
        and remembered.source == dataset.config.source
        and memory.fingerprint != dataset.fingerprint
    ):
        notes.append(changed_note(dataset, artifact.name))
    return dataset, notes


def _order_of_classes(data: Dataset, memory: Provenance | None, name: str) -> list[str]:
    """Say which class each output is taken for, where labels are words and a model does not remember its classes."""
    if not data.class_names or (memory and memory.class_names):
        return []
    more = ", ..." if len(data.class_names) > SHOWN else ""
    return [
        f"{name} does not remember its classes: its outputs are {', '.join(data.class_names[:SHOWN])}{more}, in order"
    ]


def changed_note(data: Dataset, name: str) -> str:
    """Return what is said where data are not those any more that a model was trained on."""
    return f"{data.config.source} has changed since {name} was trained: its test samples may have been trained on"


def _same_splits(data: DataLike | None, memory: Provenance | None, name: str) -> Asked:
    """Return what to load: what is not asked for is as the model remembers it, so that a source is split as then."""
    data = None if data is None else _asked(data)
    remembered, task = (memory.data, memory.task) if memory else (None, None)
    if remembered is None or isinstance(data, Dataset):
        assert data is not None
        return data
    if isinstance(data, InMemory):
        asked = data.config.model_dump(exclude_unset=True, exclude_none=True)
        return data._replace(config=remembered.model_copy(update=asked))
    if data is not None:
        asked = data.model_dump(exclude_unset=True, exclude_none=True)
        if task in ("regression", "segmentation", "image-to-image", "multi-label", "anomaly"):
            asked.setdefault("task", task)
        same = _is_same(data.source, remembered.source)
        return remembered.model_copy(update=asked | ({"source": remembered.source} if same else {}))
    if ":" in remembered.source.removeprefix(TFDS) and remembered.source.startswith(TFDS):
        raise InputError(f"{name} asks for {remembered.source}, which downloads code and runs it; name it with `data`")
    path = remembered.path
    if path is None or path.exists():
        return remembered
    if not Path(path.name).exists():
        raise InputError(f"{name} was trained on {path}, which is not there any more; say where it is with `data`")
    return remembered.model_copy(update={"source": path.name})


def _is_same(given: str, remembered: str) -> bool:
    """Return whether a source is the one remembered; a file that is here is meant before one of its name elsewhere."""
    if Path(given).exists():
        return str(Path(given).resolve()) == remembered
    return given in (remembered, Path(remembered).name)


def _asked(data: DataLike | InMemory) -> Asked:
    """Return what `data` asks for; raise `InputError` if it is of another type."""
    if isinstance(data, DataConfig | Dataset | InMemory):
        return data
    return DataConfig(source=str(data)) if isinstance(data, str | Path) else read_python_data(data)


def load_data(data: DataLike, config: DataConfig | None = None) -> Dataset:
    """Load data as every command takes them, split and scaled, with options for data that were made in Python.

    Args:
        data: A name, a path, a `DataConfig`, or data made in Python (see `tfopt.data.python_data`).
        config: How data made in Python are fed and split; its `source` is not looked at.

    Raises:
        InputError: If they cannot be read, or a config is given for data that have their own.

    Example:
        >>> import numpy as np
        >>> data = load_data((np.zeros((100, 3)), np.arange(100) % 2), DataConfig(validation=0.2))
        >>> len(data.train), len(data.validation)
        (56, 16)
    """
    if config is not None and isinstance(data, str | Path | DataConfig | Dataset):
        raise InputError("`config` is for data made in Python: a DataConfig itself names a file, as its `source`")
    return load_dataset(data if config is None else read_python_data(data, config), None, Silent())


def _fitted(memory: Provenance | None) -> Preprocessor:
    """Return how a model was fed; one that does not remember a scaling of its targets answers in units of the data."""
    fitted = memory or Preprocessor()
    return fitted if fitted.targets else fitted.model_copy(update={"targets": IDENTITY})


def load_dataset(data: DataLike | InMemory, fitted: Preprocessor | None, progress: Progress) -> Dataset:
    """Load what `data` says, prepared by what a model was `fitted` with, for a new one by what is fitted now."""
    asked, fitted = _asked(data), fitted or Preprocessor()
    if isinstance(asked, Dataset):
        return asked
    if isinstance(asked, InMemory):
        dataset = load(asked.config, fitted, asked.content)
        return replace(dataset, notes=(*asked.notes, *dataset.notes))
    with progress.task(f"loading {asked.source}", None):
        return load(asked, fitted)


def provenance_of(data: Dataset, command: str, config: Config) -> Provenance:
    """Return what a model that `command` made from `data` remembers."""
    return data_provenance(data).then(_step(command, config))


def data_provenance(data: Dataset) -> Provenance:
    """Return what a model remembers of the data that it was made with."""
    path = data.config.path
    config = data.config.model_copy(update={"source": str(path.resolve())}) if path else data.config
    return Provenance(
        data=config,
        scaling=data.scaling,
        targets=data.targets,
        vectorizer=data.vectorizer,
        target_vectorizer=data.target_vectorizer,
        tokenizer=data.tokenizer,
        resizing=data.resizing,
        task=data.task,
        num_classes=data.num_classes,
        class_names=data.class_names,
        scalings=data.scalings,
        outputs=data.outputs,
        columns=data.columns,
        log_mel=data.log_mel,
        fingerprint=data.fingerprint,
        fed=FedValues.of(data),
    )


def with_threshold(provenance: Provenance, model: keras.Model | Artifact, data: Dataset | None) -> Provenance:
    """Return what a model remembers with the error that 99 % of its normal validation samples do not exceed."""
    if data is None or data.task != "anomaly" or provenance.data is None:
        return provenance
    fitting = data if isinstance(model, keras.Model) else match_artifact(data, model)
    scores = Evaluator.on(fitting, "validation").score(model)
    return provenance.model_copy(update={"threshold": float(np.quantile(scores, NORMAL))})


def next_provenance(
    artifact: KerasArtifact, data: Dataset | None, technique: AnyTechnique, config: Config
) -> Provenance:
    """Return what the result of a technique remembers.

    That is what `artifact` remembers and this step; the data are those it was given now, if it was trained on them.
    """
    memory = artifact.provenance or Provenance()
    if data is not None and (memory.data is None or technique.trains):
        memory = data_provenance(data).model_copy(update={"history": memory.history})
    return memory.then(_step(technique.name, config))


def _step(command: str, config: Config) -> Step:
    return Step(command=command, config=config_record(config), tfopt=package_versions()["tfopt"])


def config_record(config: Config) -> Json:
    """Return the fields of a config; files are told by their names, wherever they lie."""
    return config.model_dump(mode="json") | {name: path.name for name, path in config.paths()}
