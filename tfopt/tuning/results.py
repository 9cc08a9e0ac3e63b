"""A study amounts to its trials as plain data, and to how much each option mattered.

Importance is the share of the variance of the scores that an option explains in a random forest (functional ANOVA,
Hutter et al. 2014); on a few trials it is a rough estimate, on fewer than ten none is given.
"""

import optuna
from optuna.trial import FrozenTrial, TrialState

from tfopt.report.schema import TrialResult
from tfopt.tuning.study import Search, ended, failure

FEWEST_TRIALS = 10
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


def results(study: optuna.Study, search: Search) -> list[TrialResult]:
    """The trials that have ended, in the order they were taken."""
    return [_result(trial, search, study.user_attrs.get(failure(trial), "")) for trial in ended(study)]


def _result(trial: FrozenTrial, search: Search, reason: str) -> TrialResult:
    attributes = trial.user_attrs
    assert trial.duration is not None
    return TrialResult.model_validate(
        {
            "number": attributes["slot"] + 1,
            "state": STATES[trial.state],
            "measure": search.measure,
            "higher_is_better": search.upward,
            "score": trial.value,
            "weights": attributes.get("weights"),
            "epochs": attributes.get("epochs", 0),
            "seconds": trial.duration.total_seconds(),
            "options": attributes["point"],
            "pid": attributes["pid"],
            "reason": reason,
        }
    )


def importances(study: optuna.Study, seed: int) -> dict[str, float]:
    """Importance of each option that all complete trials have, most important first; empty if they are too few."""
    complete = [trial for trial in ended(study) if trial.state == TrialState.COMPLETE]
    if len(complete) < FEWEST_TRIALS or len({trial.value for trial in complete}) == 1:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    found: dict[str, float] = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return found
