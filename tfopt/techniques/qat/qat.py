"""Quantization-aware training: the model learns with simulated integers, then becomes a `.tflite` of integers.

The Keras 3 model is trained itself; or it is rebuilt in tf_keras, where TensorFlow Model Optimization inserts the
simulation. A plain Keras 3 model of the same architecture, whose kernels are the rounded ones, comes with the file.
"""

from types import ModuleType

from tfopt.conversion.convert import for_inference
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.limits import Limit, limit_for
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.report.inspection import Verdict
from tfopt.report.schema import GateResult
from tfopt.techniques.qat import engine
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.post_training import hold_to_integers
from tfopt.training.seeds import seed_everything


def quantize_aware(artifact: KerasArtifact, config: QatConfig, context: Context) -> Outcome:
    """Train a copy of the model for integers; zeros and shared weights stay unless `config` says otherwise.

    Raises:
        InputError: Without data.
        UnsupportedError: If nothing can be quantized, or the engine cannot rebuild the model.
        ConversionError: If it cannot be converted.
    """
    if context.data is None:
        raise nothing_to_train_on(artifact.name)
    limit = limit_for(config, context.task)
    seed_everything(config.seed)
    source, said = for_inference(artifact)
    made = _engine(config).make(source, config, context.data, context.progress)
    gate, remarks = _held(artifact, made.model, made.file, limit, context.evaluator)
    integer, told = hold_to_integers(made.file, full=config.full_integer)
    return Outcome(
        made.file,
        companions=(made.model,),
        measured=(artifact, made.model, made.before.artifact, made.file),
        layers=made.layers,
        notes=[*made.notes, *said, *remarks, told],
        history=made.history,
        training=made.training,
        gates=[gate, *integer],
    )


def nothing_to_train_on(name: str) -> InputError:
    """Return what is said where there are no data."""
    return InputError(
        f"`qat` trains, and {name} does not say which data it was trained on: give `data` NAME or `data` FILE.npz, or"
        " use `precision` dynamic or float16, which need none"
    )


def planned_layers(artifact: KerasArtifact, config: QatConfig) -> dict[str, Verdict]:
    """Say which layers are trained with simulated integers, and why the others are not."""
    planned: dict[str, Verdict] = _engine(config).planned_layers(artifact, config)
    return planned


def _engine(config: QatConfig) -> ModuleType:
    """Return the engine; that of TFMOT is loaded only if it is asked for."""
    if config.qat_engine == "tfmot":
        from tfopt.techniques.qat import tfmot_engine

        return tfmot_engine
    return engine


def _held(
    original: KerasArtifact,
    trained: KerasArtifact,
    file: TfliteArtifact,
    limit: Limit | None,
    evaluator: Evaluator | None,
) -> tuple[GateResult, list[str]]:
    """Hold the file to a limit on the validation split, and say if it is worse than the model that was trained."""
    assert evaluator is not None
    assert limit is not None
    before, learnt, found = (evaluator.judge(one) for one in (original, trained, file))
    notes = [limit.held_on(len(evaluator), evaluator.name)]
    if evaluator.drop(learnt, found) > evaluator.tolerance:
        notes.append(
            f"the file is worse than the model that was trained: {evaluator.described(found)} of {len(evaluator)}"
            f" samples of {evaluator.name} against {evaluator.described(learnt)}"
        )
    return limit.result(file.name, evaluator.worsening(before, found, limit.level), "validation"), notes
