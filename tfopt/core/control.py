"""A control shows what training alone does: the original, trained as long on the same data without the technique.

A technique that trains is compared with a model that was not trained any more. Part of what it gains, or of what it
seems to lose, may be due to the training; only against a control can that be told.
"""

from collections.abc import Sequence
from dataclasses import replace

from tfopt.config.fine_tuning import DistributedConfig
from tfopt.core.context import Context
from tfopt.core.outcome import Outcome
from tfopt.core.recipe import Step
from tfopt.distribution.strategies import make_strategy
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.report.changes import Comparison
from tfopt.report.schema import Report
from tfopt.training.fit import fit
from tfopt.training.seeds import seed_everything


def with_control(outcome: Outcome, source: KerasArtifact, step: Step, context: Context) -> Outcome:
    """Train a copy of `source`, or of what a technique started from, as the technique has trained.

    Args:
        outcome: What the technique made, and how it was trained.
        source: What the technique was given, or the control of the steps before.
        step: The technique, and its config for the devices to train on.
        context: The data, without a test split.

    Returns:
        The outcome with the control and a note on it; as it was if nothing was trained.
    """
    training = outcome.training
    if training is None or context.data is None:
        return outcome
    start, epochs = training.start or source, 0
    config = step.config if isinstance(step.config, DistributedConfig) else DistributedConfig()
    with (
        context.progress.task("training the control", len(training.plans)) as advance,
        make_strategy(config).scope(),
    ):
        model = start.fresh_model()
        for plan in training.plans:
            seed_everything(plan.seed)
            epochs += len(fit(model, context.data, plan, context.progress, teacher=training.teacher).history)
            advance(1)
    control = KerasArtifact.from_model(model, control_name(start.name))
    same = "optimizer, learning rate and teacher" if training.teacher else "optimizer and learning rate"
    note = (
        f"{control.name} is the control: {start.name} trained for {_epochs(epochs)} without {step.technique.name}, on"
        f" the same data with the same {same}"
    )
    return replace(outcome, control=control, notes=[*outcome.notes, note])


def control_name(name: str) -> str:
    """Return the name of the control of a model.

    >>> control_name("model.keras"), control_name("model-control.keras")
    ('model-control.keras', 'model-control.keras')
    """
    return f"{name.removesuffix('.keras').removesuffix('-control')}-control.keras"


def remarks(report: Report, applied: Sequence[Outcome], *, asked: bool) -> list[str]:
    """Say that there is no control to be had, or that part of a gain may be due to the training alone.

    Args:
        report: With what was made compared with the original.
        applied: The outcomes of all steps.
        asked: Whether a control was asked for.
    """
    epochs, made = sum(len(outcome.history) for outcome in applied), applied[-1].artifact.name
    if asked:
        return [] if report.control else ["there is no control: nothing was trained"]
    found = next((one for one in report.comparisons if one.name == made), None)
    if not epochs or not found or not _gained(found):
        return []
    return [
        f"{made} was trained for {_epochs(epochs)} more than {report.measurements[0].name}, which may be part of the"
        " gain: `control` shows what training alone does"
    ]


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' * (count > 1)}"


def _gained(found: Comparison) -> bool:
    if found.deviation:
        return found.deviation.change < 0
    change = found.bleu or found.accuracy
    return bool(change and change.change > 0)
