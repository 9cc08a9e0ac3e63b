"""One trial: a training that is judged by the validation split after each epoch, and its model kept if it is the best.

The order of writing is that no kill can leave the best trial without its model: first the model, then the end of the
trial in the study, then what is no longer the best is deleted.
"""

import gc
import math

import keras
import optuna
from filelock import FileLock
from optuna.trial import TrialState

from tfopt.data.dataset import Dataset
from tfopt.evaluation.evaluator import Evaluator
from tfopt.evaluation.metrics.metric import Judged
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.runtime.process_state import fresh_keras_names
from tfopt.runtime.progress import Progress
from tfopt.training.train import TrainingResult, train
from tfopt.tuning.search_space import Point, train_config
from tfopt.tuning.study import Search, best, fail, lose, rank
from tfopt.typing import Logs


class TimeIsUp(Exception):  # noqa: N818
    """The search has no time left for this trial."""


class TrialCallback(keras.callbacks.Callback):
    """Tells the study the score of each epoch, and stops the training if it is a bad one or the time is over."""

    def __init__(self, trial: optuna.Trial, search: Search, evaluator: Evaluator) -> None:
        super().__init__()
        self.trial = trial
        self.evaluator = evaluator
        self.search = search
        self.weights: int | None = None
        self.epochs = 0

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002
        """Count the parameters of the model."""
        self.weights = self.model.count_params()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Stop where the time is over."""
        if self.search.over:
            raise TimeIsUp

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Report this epoch."""
        self.epochs = epoch + 1
        score = judged(self.model, self.evaluator)
        score = float((logs or {})[f"val_{self.search.measure}"]) if score is None else score
        if math.isfinite(score):
            self.trial.report(score, epoch)
            if self.trial.should_prune():
                raise optuna.TrialPruned

    def write(self) -> None:
        """Note down what the table says of the trial."""
        self.trial.set_user_attr("weights", self.weights)
        self.trial.set_user_attr("epochs", self.epochs)


def run(study: optuna.Study, search: Search, trial: optuna.Trial, point: Point, data: Dataset, bar: Progress) -> None:
    """Train what `point` says and end the trial: complete, pruned, failed, or lost if the time is over."""
    gc.collect()  # the models of earlier trials
    with fresh_keras_names():
        _run(study, search, trial, point, data, bar)


def _run(study: optuna.Study, search: Search, trial: optuna.Trial, point: Point, data: Dataset, bar: Progress) -> None:
    evaluator = Evaluator.on(data, "validation").by(search.config.metric)
    watched = TrialCallback(trial, search, evaluator)
    try:
        trained = train(train_config(search.config, point), data, bar, callbacks=[watched])
    except optuna.TrialPruned:
        watched.write()
        study.tell(trial, state=TrialState.PRUNED)
    except TimeIsUp:
        lose(study, trial)
    except Exception as error:  # what TensorFlow makes of options that do not go together is not for us to foresee
        watched.write()
        fail(study, trial, " ".join(str(error).split())[:200] or type(error).__name__)
    else:
        watched.write()
        _complete(study, search, trial, trained, evaluator)


def judged(model: keras.Model, evaluator: Evaluator) -> float | None:
    """Return what the metric that was asked for says of a model on the validation split; None if none was."""
    found = evaluator.judge(model) if evaluator.metric else None
    return found.value if isinstance(found, Judged) else None


def _complete(
    study: optuna.Study, search: Search, trial: optuna.Trial, trained: TrainingResult, evaluator: Evaluator
) -> None:
    score = judged(trained.model, evaluator)
    score = trained.start_error if score is None else score
    if score is None:
        score = trained.result.history[trained.result.best_epoch][f"val_{search.measure}"]
    with FileLock(search.files.turn):
        before = best(study)
        attributes = trial.user_attrs
        if before is None or rank(study, score, attributes) < rank(study, before.value, before.user_attrs):
            path = search.files.model(trial.number)
            KerasArtifact.from_model(trained.model, path.name).save(path, force=True)
        study.tell(trial, score)
        after = best(study)
        assert after is not None
        search.files.keep_only(after.number)
