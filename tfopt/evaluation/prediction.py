"""Answers to inputs as they come (texts, image files, numbers in their units), prepared as in training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.special import expit

from tfopt.data.audio_folders import WAV, read_sounds
from tfopt.data.calibration import IMAGES
from tfopt.data.lazy_images import LazyImages
from tfopt.data.preprocessing import Preprocessor
from tfopt.data.resizing import Resizing
from tfopt.data.scaling import IDENTITY, Scaling
from tfopt.errors import InputError
from tfopt.evaluation.bleu import translate
from tfopt.evaluation.metrics.answers import class_probabilities
from tfopt.evaluation.pictures import answer_with_images, answer_with_masks
from tfopt.evaluation.prediction_inputs import Inputs, Series, find_samples, next_times, read_file
from tfopt.evaluation.several_predictions import answers_by_output, prepared_inputs
from tfopt.formats.artifact import Artifact
from tfopt.formats.loading import ModelLike, load
from tfopt.formats.provenance import Provenance
from tfopt.report.predictions import Prediction, Predictions
from tfopt.report.schema import package_versions
from tfopt.runtime.process_state import preserved
from tfopt.runtime.progress import Progress, Silent
from tfopt.tasks.anomaly import reconstruction_errors
from tfopt.typing import Array, Samples

SHOWN = 10  # unknown words
PICTURES = ("segmentation", "image-to-image")  # tasks whose answers are files


@preserved()
def predict(
    model: ModelLike,
    inputs: Inputs,
    *,
    like: ModelLike | None = None,
    output: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Predictions:
    """Answers of a model to texts, paths of image files, or an array (N, ...) of numbers in the units of the data.

    A model with several inputs takes a dict of arrays by their names.

    The model must remember its training, or be made from one `like` that does. A series may be longer than the window:
    what follows its end is forecast. Of images, folders and patterns such as *.png stand for what is in them. Answers
    that are masks or images are written into the folder `output`, named after the inputs, in the size of the model.
    """
    artifact, progress = load(model), progress or Silent()
    memory = _memory(artifact, None if like is None else load(like))
    if output is not None and memory.task not in PICTURES:
        raise InputError(f"`output` is a folder for masks or images, but {artifact.name} is for {memory.task}")
    if not len(inputs.values if isinstance(inputs, Series) else inputs):
        raise InputError("there is nothing to predict: give texts, image files or numbers")
    if memory.target_vectorizer is not None:
        found = _translations(artifact, memory, inputs, progress)
    else:
        names, x = _prepared(artifact, memory, inputs)
        with progress.task(f"running {artifact.name}", len(names)) as advance:
            outputs = artifact.predict(x, advance)
        probabilities = artifact.gives_probabilities()
        if memory.task == "segmentation":
            found = answer_with_masks(memory, names, outputs, output, probabilities=probabilities, force=force)
        elif memory.task == "image-to-image":
            found = answer_with_images(memory, names, outputs, output, force=force)
        elif memory.task == "anomaly":
            found = [_normal_or_not(*pair, memory) for pair in zip(names, _errors(outputs, x), strict=True)]
        else:
            found = _answers(memory, names, outputs, probabilities=probabilities)
    if isinstance(inputs, Series) or memory.task == "forecasting":
        times = inputs.times if isinstance(inputs, Series) else ()
        found = [one.model_copy(update={"times": next_times(times, len(one.answer))}) for one in found]
    if memory.vectorizer is not None:
        unknown = memory.vectorizer.unknown([one.input for one in found])
        found = [one.model_copy(update={"unknown": tuple(words)}) for one, words in zip(found, unknown, strict=True)]
    return Predictions(
        model=artifact.name,
        task=memory.task,
        columns=_forecast_columns(memory),
        predictions=found,
        notes=_notes(memory, found),
        versions=package_versions(),
    )


def read_inputs(path: Path, model: ModelLike, *, like: ModelLike | None = None, column: str | None = None) -> Inputs:
    """Return what a file holds for a model (see `tfopt.evaluation.prediction_inputs.read_file`)."""
    return read_file(path, _memory(load(model), None if like is None else load(like)), column)


def _memory(artifact: Artifact, like: Artifact | None) -> Provenance:
    memories = [one.provenance for one in (artifact, like) if one and one.provenance]
    memory = next((one for one in memories if one.prepares), None)
    if memory is None:
        other = like.name if like else artifact.name
        raise InputError(
            f"{other} does not remember how its inputs were prepared; say with `like` which .keras model of tfopt it"
            " was made from"
        )
    return memory


def _translations(artifact: Artifact, memory: Preprocessor, texts: Inputs, progress: Progress) -> list[Prediction]:
    assert memory.vectorizer is not None
    assert memory.target_vectorizer is not None
    texts = _texts(artifact, texts)
    length = memory.target_vectorizer.length - 1
    with progress.task(f"translating with {artifact.name}", length) as advance:
        ids = translate(artifact, memory.vectorizer(texts), length, advance)
    answers = memory.target_vectorizer.texts(ids)
    return [Prediction(input=text, answer=answer) for text, answer in zip(texts, answers, strict=True)]


def _prepared(artifact: Artifact, memory: Provenance, inputs: Inputs) -> tuple[list[str], tuple[Array, ...]]:
    """Return how each sample is called, and what the model is fed: an array for each of its inputs."""
    shape = artifact.input_shapes()[0][1:]
    if memory.scalings is not None:
        if not isinstance(inputs, Mapping):
            wanted = ", ".join(memory.scalings)
            raise InputError(f"{artifact.name} has several inputs: give an array for each of {wanted}, by its name")
        several = prepared_inputs(artifact, memory, inputs)
        return [f"sample {i + 1}" for i in range(len(several[0]))], several
    if isinstance(inputs, Mapping):
        raise InputError(f"{artifact.name} has one input, but was given {', '.join(inputs)}")
    if memory.tokenizer is not None:
        texts = _texts(artifact, inputs)
        return texts, memory.tokenizer(texts)
    if memory.vectorizer is not None:
        texts = _texts(artifact, inputs)
        return texts, (memory.vectorizer(texts),)
    if isinstance(inputs, Series):
        inputs = inputs.values
    if not isinstance(inputs, np.ndarray):
        if len(shape) not in (2, 3) or memory.scaling is None or memory.task == "forecasting":
            raise InputError(f"{artifact.name} takes numbers of shape {shape}: give them with `file` x.npy or a table")
        if memory.log_mel is not None:
            paths = find_samples(inputs, artifact.name, "sound", WAV)
            x = memory.scaling(memory.log_mel(read_sounds(paths)[0]))
            return [str(path) for path in paths], (x.reshape(len(x), *shape),)
        paths = find_samples(inputs, artifact.name, "image", IMAGES)
        return [str(path) for path in paths], (_images(memory.scaling, memory.resizing, paths, shape),)
    x = np.asarray(inputs)
    if x.dtype.kind not in "fiub" or not np.isfinite(x.astype(np.float32)).all():
        raise InputError(f"the inputs of {artifact.name} are no numbers or hold NaN or infinity")
    if memory.task == "forecasting" and x.ndim == len(shape) and len(x) >= (shape[0] or 0):
        x = x[np.newaxis, -(shape[0] or 0) :]
    elif x.ndim == len(shape):
        x = x[np.newaxis]
    if x.ndim != len(shape) + 1 or any(w not in (None, g) for w, g in zip(shape, x.shape[1:], strict=True)):
        raise InputError(f"{artifact.name} takes samples of shape {shape}, but was given {x.shape[1:]}")
    fed = x.astype(np.int32) if artifact.input_types()[0] in ("int32", "int64") else (memory.scaling or IDENTITY)(x)
    return [f"sample {i + 1}" for i in range(len(x))], (fed,)


def _texts(artifact: Artifact, inputs: Inputs) -> list[str]:
    if isinstance(inputs, Series) or (isinstance(inputs, np.ndarray) and inputs.dtype.kind not in "OUT"):
        raise InputError(f"{artifact.name} takes texts, but was given numbers")
    texts = [str(text) for text in inputs]
    if any(not text.strip() for text in texts):
        raise InputError(
            f"{artifact.name} takes texts, but text {[bool(t.strip()) for t in texts].index(False) + 1} is empty"
        )
    return texts


def _images(scaling: Scaling, resizing: Resizing | None, paths: Sequence[Path], shape: tuple[int | None, ...]) -> Array:
    from tfopt.data.image_folders import read_image_info

    for path in paths:
        read_image_info(path)
    size = tuple(int(s or 0) for s in shape)
    return LazyImages(np.array([str(path) for path in paths]), size, "", _for_8_bits(scaling), resizing)[:]


def _for_8_bits(scaling: Scaling) -> Scaling:
    """The same scaling for values up to 255, whatever the training data went up to."""
    match scaling.scale:
        case "unit":
            return Scaling(scale="unit", deviation=255)
        case "signed":
            return Scaling(scale="signed", mean=127.5, deviation=127.5)
        case _:
            return scaling


def _errors(outputs: Array, x: Samples) -> list[float]:
    [samples] = x if isinstance(x, (tuple, list)) else (x,)
    found: list[float] = reconstruction_errors(outputs, np.asarray(samples)).tolist()
    return found


def _normal_or_not(name: str, error: float, memory: Provenance) -> Prediction:
    """Say whether a sample is given back worse than nearly all normal ones, if the model remembers how these are."""
    answer = "not known" if memory.threshold is None else "anomalous" if error > memory.threshold else "normal"
    return Prediction(input=name, answer=answer, error=error)


def _labels_of(name: str, shares: Array, labels: Sequence[str] | None) -> Prediction:
    """Return which labels are more likely than not, and the probability of each."""
    found = dict(zip(labels or map(str, range(len(shares))), map(float, shares), strict=True))
    given = [label for label, share in found.items() if share > 0.5]
    return Prediction(input=name, answer=", ".join(given) or "none", labels=found)


def _answers(memory: Provenance, names: Sequence[str], outputs: Array, *, probabilities: bool) -> list[Prediction]:
    if memory.outputs:
        return answers_by_output(memory.outputs, names, outputs)
    if memory.task == "multi-label":
        shares = outputs if probabilities else expit(outputs)
        return [_labels_of(name, row, memory.class_names) for name, row in zip(names, shares, strict=True)]
    if memory.task != "classification":
        values = (memory.targets or IDENTITY).inverse(outputs)
        return [Prediction(input=name, answer=value.tolist()) for name, value in zip(names, values, strict=True)]
    shares = class_probabilities(outputs, probabilities=probabilities)
    best = shares.argmax(axis=1)
    classes = dict(enumerate(memory.class_names or ()))
    return [
        Prediction(input=name, answer=classes.get(i, str(i)), probability=float(share[i]))
        for name, i, share in zip(names, best.tolist(), shares, strict=True)
    ]


def _forecast_columns(memory: Provenance) -> list[str] | None:
    """Return the names of the columns that a forecast is about."""
    if memory.task != "forecasting" or not memory.columns:
        return None
    target = memory.data.target if memory.data else None
    return [target] if target else list(memory.columns)


def _notes(memory: Provenance, found: Sequence[Prediction]) -> tuple[str, ...]:
    """Say which words, or characters, nobody has taught the model: all of them look the same to it."""
    if memory.task == "anomaly" and memory.threshold is not None:
        return (f"anomalous is an error above {memory.threshold:.4g}, as 1 % of normal validation samples have",)
    unknown = list(dict.fromkeys(word for one in found for word in one.unknown))
    if not unknown or memory.vectorizer is None:
        return ()
    what = "characters" if memory.vectorizer.characters else "words"
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    return (f"{what} that the model does not know: {', '.join(unknown[:SHOWN])}{more}",)
