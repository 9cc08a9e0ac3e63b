import contextlib
import dataclasses
import itertools
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import process
from tfopt.data.config import DataConfig
from tfopt.data.loader import load
from tfopt.errors import InputError
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.models.signature import Signature
from tfopt.runtime.progress import Silent
from tfopt.training.config import TrainConfig
from tfopt.tuning import trial as trials
from tfopt.tuning.config import TuneConfig
from tfopt.tuning.results import importances, results
from tfopt.tuning.search_space import Space
from tfopt.tuning.study import Search, best, claim, ended, opened, silenced
from tfopt.tuning.study_files import StudyFiles
from tfopt.tuning.tune import fitting

MLP = Space(("mlp",), "image", "classification", coarse=False)
BOTH = Space(("cnn", "mlp"), "image", "classification", coarse=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """200 training digits and 100 to test in an .npz file."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = bunch.images.astype("float32") / 16, bunch.target
    path = tmp_path_factory.mktemp("small") / "small.npz"
    np.savez(path, x_train=x[:200], y_train=y[:200], x_test=x[200:300], y_test=y[200:300])
    return path


@pytest.fixture(scope="module")
def data(small):
    return load(DataConfig(source=str(small)))


@pytest.fixture(autouse=True)
def quiet_optuna():
    with silenced():
        yield


@pytest.fixture
def search(tmp_path):
    """A search that can be changed."""

    def make(space=MLP, name="a.db", deadline=None, resume=False, **options):
        config = TuneConfig(**{"search": "random", "trials": 8, "epochs": 2, **options})
        return Search(config, space, StudyFiles(tmp_path / name, resume=resume), deadline)

    return make


def take(study, search, score=None):
    """Take a trial and end it with a score without training; return what was to be tried."""
    taken, point = claim(study, search)
    taken.set_user_attr("weights", 100)
    if score is not None:
        study.tell(taken, score)
    return point


def pretend(monkeypatch, *stories):
    """In place of training, tell the callbacks of a trial the accuracies of its epochs, or raise."""
    left = iter(stories)

    class Model:
        stop_training = False

        def count_params(self):
            return 100

    def trained(config, data, progress, files=None, callbacks=()):
        story = next(left)
        if isinstance(story, Exception):
            raise story
        for callback in callbacks:
            callback.set_model(Model())
            callback.on_train_begin()
            for epoch, accuracy in enumerate(story):
                callback.on_epoch_end(epoch, {"val_accuracy": accuracy})
        raise InputError("the story is over")

    monkeypatch.setattr(trials, "train", trained)


def test_any_architecture_means_those_that_fit_the_data(data):
    found = fitting(TuneConfig(arch="any"), Signature.of(data))
    assert {"cnn", "mlp"} <= set(found)
    assert "seq2seq" not in found
    assert fitting(TuneConfig(), Signature.of(data)) == ("cnn",)


@pytest.mark.parametrize("method", ["random", "bayes", "grid"])
def test_what_is_tried_depends_on_the_seed_only_also_if_a_trial_is_lost_and_the_search_resumed(search, method):
    def tried(name, seed, lost=()):
        one = search(BOTH._replace(coarse=method == "grid"), name, search=method, trials=12, seed=seed)
        study, points = opened(one, {}), []
        while len(points) < 12:
            if len(points) in lost:
                claim(study, one)
                lost = [number for number in lost if number != len(points)]
                one = one._replace(files=dataclasses.replace(one.files, resume=True))
                study = opened(one, {})  # as after a kill: the trial that was taken is lost
                assert len(ended(study)) == len(points)
            points.append(take(study, one, score=1 / (2 + len(points) % 5)))
        assert claim(study, one) is None
        return points

    undisturbed = tried("a.db", 0)
    assert tried("b.db", 0, lost=[3, 10]) == undisturbed
    assert tried("c.db", 1) != undisturbed
    assert len({json.dumps(point) for point in undisturbed}) == 12


def test_a_grid_ends_when_every_point_was_tried_once(search):
    one = search(MLP._replace(coarse=True), search="grid", trials=1000)
    study = opened(one, {})
    points = [take(study, one, score=0.5) for _ in range(one.size)]
    assert claim(study, one) is None
    assert len({json.dumps(point) for point in points}) == one.size == 48


def test_a_study_of_another_search_is_refused_and_the_difference_named(search):
    opened(search(), {"seed": 0, "search": "random", "data": "x"})
    with pytest.raises(InputError, match="another data, seed; repeat its options"):
        opened(search(resume=True), {"seed": 1, "search": "random", "data": "y"})
    damaged = search(name="b.db", resume=True)
    damaged.files.path.write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match="is no search or is damaged"):
        opened(damaged, {})


def test_of_equal_scores_the_smaller_model_wins_and_the_direction_is_that_of_the_measure(search):
    one = search()
    study = opened(one, {})
    for weights, score in ((300, 0.9), (200, 0.9), (100, 0.8)):
        taken, _ = claim(study, one)
        taken.set_user_attr("weights", weights)
        study.tell(taken, score)
    assert best(study).number == 1
    errors = search(MLP._replace(task="regression"), "b.db")
    study = opened(errors, {})
    for score in (0.9, 0.7, 0.8):
        take(study, errors, score)
    assert (best(study).number, errors.measure) == (1, "mae")


def test_importance_is_not_given_on_few_trials_and_names_the_option_that_matters(search):
    one = search(trials=30)
    study = opened(one, {})
    for _ in range(9):
        point = take(study, one)
        study.tell(len(ended(study)), point["dropout"])
    assert importances(study, 0) == {}
    for _ in range(21):
        point = take(study, one)
        study.tell(len(ended(study)), point["dropout"])
    found = importances(study, 0)
    assert next(iter(found)) == "dropout"
    assert found["dropout"] > 0.5
    assert sum(found.values()) == pytest.approx(1)


def test_a_trial_below_the_median_is_pruned_and_one_that_fails_keeps_its_reason_and_its_slot(
    search, monkeypatch, digits
):
    one = search(epochs=4, trials=8)
    study = opened(one, {})
    for _ in range(5):
        taken, _ = claim(study, one)
        taken.set_user_attr("weights", 100)
        for epoch in range(4):
            taken.report(0.8, epoch)
        study.tell(taken, 0.8)
    pretend(monkeypatch, [0.9, 0.9, 0.9], [0.7, 0.7, 0.7], InputError("training diverged"))
    for _ in range(3):
        trials.run(study, one, *claim(study, one), digits, Silent())
    table = results(study, one)
    assert [trial.state for trial in table] == ["complete"] * 5 + ["failed", "pruned", "failed"]
    assert (table[6].epochs, table[6].score, table[6].weights) == (2, 0.7, 100)  # none is stopped in its first epoch
    assert table[7].reason == "training diverged"
    assert claim(study, one) is None


def test_time_that_is_up_ends_a_trial_without_counting_it(search, data):
    one = search(deadline=time.time())
    study = opened(one, {})
    trials.run(study, one, *claim(study, one), data, Silent())
    assert (one.over, ended(study)) == (True, [])


def test_a_trial_needs_no_test_split_and_the_model_of_the_best_alone_is_kept(search, data):
    one = search(trials=2, seed=5)
    study = opened(one, {})
    for _ in range(2):
        trials.run(study, one, *claim(study, one), dataclasses.replace(data, test=None), Silent())
    winner = best(study)
    folder = one.files.path.parent
    assert [path.name for path in folder.glob("*.keras")] == [f"a.db.{winner.number}.keras"]
    kept = KerasArtifact.load(one.files.model(winner.number)).model
    right = np.argmax(kept.predict(data.validation.x, verbose=0), axis=1) == data.validation.y
    assert right.mean() == pytest.approx(winner.value)


def test_a_forecaster_that_kept_its_start_is_judged_by_that(search, monkeypatch):
    waves = load(DataConfig(source="waves"))
    monkeypatch.setattr(trials, "train_config", lambda *_: TrainConfig(size="tiny", epochs=1, learning_rate=0.5))
    one = search(space=Space(("mlp",), "series", "forecasting", coarse=False))
    study = opened(one, {})
    trials.run(study, one, *claim(study, one), waves, Silent())
    kept = KerasArtifact.load(one.files.model(0)).model
    assert best(study).value == pytest.approx(Evaluator.on(waves, "validation").score(kept).mean(), rel=1e-5)


def options(small, *more):
    return ("tune", "--arch", "mlp", "--data", small, "--epochs", 2, "--search", "random", *more)


def rows(report, *columns):
    return [[trial[column] for column in columns] for trial in report["trials"]]


def test_a_search_writes_its_best_model_and_goes_on_with_more_trials(tfopt, small, tmp_path):
    first = tfopt(*options(small, "--trials", 2, "--json"))
    assert first.code == 0, first.err
    refused = tfopt(*options(small, "--force", "--resume", "--seed", 1))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "another seed" in refused.err

    more = tfopt(*options(small, "--trials", 3, "--resume", "--force", "--json"))
    assert more.code == 0, more.err
    columns = ("number", "state", "score", "weights", "epochs", "options")
    assert rows(more.report, *columns)[:2] == rows(first.report, *columns)
    assert len(more.report["trials"]) == 3
    winner = max(more.report["trials"], key=lambda trial: (trial["score"], -trial["weights"]))
    assert more.report["measurements"][0]["parameters"] == winner["weights"]
    provenance = KerasArtifact.load(tmp_path / "best.keras").provenance
    assert provenance.history[-1].command == "tune"
    assert provenance.history[-1].config["width"] == winner["options"]["width"]
    assert list(tmp_path.glob("*.lock")) == []

    [told] = [note for note in more.report["notes"] if note.startswith("the same model again: tfopt train")]
    assert tfopt(*shlex.split(told)[5:], "-q").code == 0
    tuned, again = (KerasArtifact.load(tmp_path / name).model.get_weights() for name in ("best.keras", "model.keras"))
    assert all(np.array_equal(a, b) for a, b in zip(tuned, again, strict=True))


def test_the_table_lists_the_best_first_and_says_why_trials_failed(tfopt, small, monkeypatch):
    real, count = trials.train, itertools.count()

    def sometimes(config, *rest, **more):
        if next(count) == 0:
            raise InputError("training diverged: the validation loss is not a number")
        return real(config, *rest, **more)

    monkeypatch.setattr(trials, "train", sometimes)
    ended = tfopt(*options(small, "--trials", 2))
    assert ended.code == 0, ended.err
    lines = ended.out.split("validation")[2].splitlines()
    assert "failed, training" in " ".join(lines)
    assert [line.split()[0] for line in lines if line[:5].strip().isdigit()] == ["2", "1"]


def test_if_all_trials_fail_that_is_one_sentence(tfopt, small, monkeypatch, tmp_path):
    pretend(monkeypatch, InputError("training diverged"), InputError("training diverged"))
    ended = tfopt(*options(small, "--trials", 2))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "all 2 trials failed, the first because training diverged" in ended.err
    assert not (tmp_path / "best.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--timeout", "soon"), "--timeout soon is not a time; write it like 90s, 10m or 1h"),
        (("--timeout", "0s"), "--timeout 0.0 is out of range"),
        (("--trials", 0), "--trials 0 is out of range"),
        (("--parallel", 0), "--parallel 0 is out of range"),
        (("--arch", "cnn", "--data", "features.npz"), "--arch cnn does not take features"),
    ],
)
def test_bad_options_are_one_sentence_and_write_nothing(tfopt, tmp_path, arguments, words):
    x, y = np.zeros((40, 5), "float32"), np.arange(40) % 2
    np.savez(tmp_path / "features.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    ended = tfopt("tune", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["features.npz"]


def test_a_search_that_is_there_is_not_overwritten(tfopt, tmp_path):
    path = tmp_path / "best.keras.tune.db"
    path.touch()
    refused = tfopt("tune")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "holds a search; use --resume to go on with it or --force to start over" in refused.err
    StudyFiles(path, resume=True).refuse()
    StudyFiles(path, force=True).refuse()


@pytest.mark.parametrize("name", ["0.keras", "lock", "turn"])
def test_what_lies_where_a_search_would_be_kept_is_not_lost(tfopt, tmp_path, name):
    path = tmp_path / f"best.keras.tune.db.{name}"
    path.write_bytes(b"mine")
    refused = tfopt("tune", "--trials", 1, "--epochs", 1)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"{path.name} is in the way" in refused.err
    assert path.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [path]


def started(small, folder, *more):
    command = [sys.executable, "-m", "tfopt", *map(str, options(small, *more))]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for_trials(running, folder, count):
    """Wait until so many trials of a search in another process have ended."""
    path = f"file:{folder}/best.keras.tune.db?mode=ro"
    while running.poll() is None:
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(path, uri=True)) as study,
        ):
            [[found]] = study.execute("SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')")
            if found >= count:
                return
        time.sleep(0.05)
    raise AssertionError(running.stderr.read())


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 2])
def test_a_killed_search_loses_no_trial_that_had_ended(small, tmp_path, parallel):
    (tmp_path / "killed").mkdir()
    more = ("--trials", 8, "--parallel", parallel)
    running = started(small, tmp_path / "killed", *more)
    wait_for_trials(running, tmp_path / "killed", 3)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    resumed = process(*options(small, *more, "--resume", "--json"), folder=tmp_path / "killed")
    assert resumed.code == 0, resumed.err
    pids = [trial["pid"] for trial in resumed.report["trials"]]
    assert len(pids) == 8
    assert len(set(pids)) == 2 * parallel
    whole = process(*options(small, "--trials", 8, "--json"), folder=tmp_path)
    columns = ("number", "options") if parallel > 1 else ("number", "state", "score", "options")
    assert rows(resumed.report, *columns) == rows(whole.report, *columns)


@pytest.mark.slow
def test_an_interrupted_search_in_two_processes_leaves_none_behind(small, tmp_path):
    running = started(small, tmp_path, "--trials", 50, "--parallel", 2)
    wait_for_trials(running, tmp_path, 3)
    children = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=True)
    assert len(children.stdout.split()) == 2
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=30) == 130
    assert "--resume goes on" in running.stderr.read()
    for pid in children.stdout.split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.slow
def test_a_worker_that_is_killed_fails_its_trial_and_is_replaced(small, tmp_path):
    running = started(small, tmp_path, "--trials", 20, "--parallel", 2, "--json")
    wait_for_trials(running, tmp_path, 2)
    children = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=True)
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    assert running.wait(timeout=200) == 0, running.stderr.read()
    report = json.loads((tmp_path / "best.keras.report.json").read_text())
    failed = [trial for trial in report["trials"] if trial["state"] == "failed"]
    assert [trial["reason"] for trial in failed] in ([], ["its process was ended by signal 9"])  # [] between two trials
    assert len({trial["pid"] for trial in report["trials"]}) == 3
    assert len(report["trials"]) == 20
