"""Distillation of a Keras model into a smaller one: the student comes back as a plain model, the teacher is left alone.

Zeros, clusters and ranges of a student from a file are not kept.
"""

from dataclasses import replace

import keras

from tfopt.core.context import Context
from tfopt.core.outcome import Outcome, Training
from tfopt.data.dataset import Dataset
from tfopt.distribution.replicated import single_device_copy
from tfopt.distribution.strategies import MIRRORED, make_strategy
from tfopt.errors import InputError, UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.models.architectures import build
from tfopt.models.config import ModelConfig
from tfopt.models.signature import Signature
from tfopt.tasks.losses import loss_of, takes_logits
from tfopt.tasks.registry import rules_for
from tfopt.techniques.distillation.config import TEMPERATURE, DistillConfig
from tfopt.techniques.distillation.distiller import Hint, StudentTraining, weighed
from tfopt.techniques.distillation.feature_pairs import features, paired
from tfopt.techniques.distillation.losses import Softened, numbers
from tfopt.training.fit import fit
from tfopt.training.plan import FitPlan
from tfopt.training.seeds import seed_everything
from tfopt.training.teacher import check_same_shapes

HINTED = 64  # samples that tell how large the teacher's maps are


def distill_student(
    teacher: KerasArtifact,
    student: KerasArtifact | None,
    config: DistillConfig,
    context: Context,
) -> Outcome:
    """Teach a copy of `student`, or without one the model that `config` says; the best epoch is chosen by the labels.

    Raises `InputError` without data or if teacher and student do not fit together, `UnsupportedError` for translators.
    """
    data = _checked(teacher, student, config, context.data)
    seed_everything(config.seed)
    where = make_strategy(config)
    with where.scope():
        plan = replace(FitPlan.of(config, len(data.train)), decay="cosine")
        if student is None:
            assert isinstance(config.student, ModelConfig)
            model, title = _built(config.student, teacher, data), "the student"
        else:
            model, title = student.fresh_model(), student.name
        start = student or KerasArtifact.from_model(model, "student.keras")
        master = teacher.fresh_model()
        hints, notes = _hints(master, teacher.name, model, title, data) if config.features else ([], [])
        lesson = StudentTraining(model, master, _answers(master, model, config, data), config.alpha, hints)
        result = fit(model, data, plan, context.progress, learner=lesson)
    if isinstance(where, MIRRORED):
        model = single_device_copy(model)
    spoken = f"its answers at temperature {config.temperature or TEMPERATURE:g}" if _softened(data) else "its numbers"
    notes = [
        f"taught by {teacher.name}: {config.alpha:g} of the loss is that of the labels, {1 - config.alpha:g} the"
        f" distance from {spoken}{' and from its layers' if hints else ''}",
        *notes,
        f"{len(result.history)} of {plan.epochs} epochs trained, the weights are those of epoch"
        f" {result.best_epoch + 1}",
    ]
    made = KerasArtifact.from_model(model, teacher.name)
    shown = [teacher, *([student] if student else []), made]
    training = Training([plan.lasting(len(result.history))], start=start)
    return Outcome(made, measured=shown, notes=notes, history=result.history, training=training)


def _checked(
    teacher: KerasArtifact, student: KerasArtifact | None, config: DistillConfig, data: Dataset | None
) -> Dataset:
    if data is None:
        raise InputError(
            f"a student is trained, and {teacher.name} does not say which data it was trained on: give `data` NAME or"
            " `data` FILE.npz"
        )
    if data.task == "translation":
        raise UnsupportedError(
            f"{teacher.name} translates, and no student learns that here: train a smaller model, as of `size` tiny"
        )
    if config.temperature is not None and not _softened(data):
        raise InputError(
            f"`temperature` {config.temperature:g} softens the probabilities of a classifier, but {teacher.name} gives"
            " numbers: leave it out"
        )
    if student is None and (data.outputs or data.task == "compiled"):
        raise InputError(
            f"no architecture answers as {teacher.name} does: give a smaller model like it as `student` FILE"
        )
    if student is not None:
        check_same_shapes(student, teacher)
    return data


def _built(config: ModelConfig, teacher: KerasArtifact, data: Dataset) -> keras.Model:
    """A new model with as many outputs as the teacher has; two for a teacher with the score of one class of two."""
    signature = Signature.of(data)
    classes = teacher.output_shapes()[0][-1]
    if _softened(data) and classes and classes > 1:
        signature = replace(signature, outputs=(*signature.outputs[:-1], classes))
    return build(config, signature)


def _softened(data: Dataset) -> bool:
    return rules_for(data).has_classes


def _answers(
    teacher: keras.Model, student: keras.Model, config: DistillConfig, data: Dataset
) -> keras.distillation.DistillationLoss:
    if not _softened(data):
        return numbers()
    given = [takes_logits(loss_of(model, rules_for(data))) for model in (teacher, student)]
    return Softened(config.temperature or TEMPERATURE, teacher_logits=given[0], student_logits=given[1])


def _hints(
    teacher: keras.Model, teacher_title: str, student: keras.Model, student_title: str, data: Dataset
) -> tuple[list[Hint], list[str]]:
    """Return which layers learn from which, and a note on each, also on those that have no partner."""
    pairs, alone = paired(features(teacher, teacher_title), features(student, student_title))
    if not pairs:
        raise UnsupportedError(
            f"no layer of {student_title} gives maps of the size of one of {teacher_title}: leave out `features`"
        )
    hints = weighed(pairs, teacher, data.calibration.sample(HINTED).inputs)
    return hints, [*map(str, pairs), *alone]
