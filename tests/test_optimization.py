"""The search within a budget: what it predicts, in which order it tries, what it chooses, and when it ends."""

import time

import numpy as np
import pytest

from tfopt.evaluation.limits import Limit
from tfopt.evaluation.statistics import Worsening
from tfopt.optimization.candidate import Candidate
from tfopt.optimization.config import OptimizeConfig
from tfopt.optimization.deadline import Deadline, TimeIsUp, TooLong
from tfopt.optimization.front import front_of
from tfopt.optimization.moves import Move
from tfopt.optimization.prediction import Measured, predicted_loss, rank_correlation
from tfopt.optimization.search import Search
from tfopt.optimization.structures import Structure
from tfopt.runtime.progress import Silent
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.mixed_bits import MixedBits
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.training.fit import TRAINING_TASK


def test_more_error_is_never_predicted_to_lose_less():
    measured = [Measured(0.1, 0.02), Measured(0.2, 0.01), Measured(0.4, 0.05)]
    losses = [predicted_loss(error, measured) for error in np.linspace(0, 1, 50)]
    assert losses == sorted(losses)
    assert predicted_loss(0.4, measured) == pytest.approx(0.05)
    assert predicted_loss(0.8, measured) == pytest.approx(0.10)


def test_nothing_is_predicted_to_be_lost_before_anything_was_measured():
    assert predicted_loss(0.5, []) == 0
    assert predicted_loss(0.5, [Measured(0.1, -0.02)]) == 0  # a file that answers better by chance promises nothing


def test_a_rank_correlation_needs_four_files_that_differ():
    assert rank_correlation([Measured(e, e**2) for e in (0.1, 0.2, 0.3)]) is None
    assert rank_correlation([Measured(e, e**2) for e in (0.1, 0.2, 0.3, 0.4)]) == pytest.approx(1)
    assert rank_correlation([Measured(e, 0.0) for e in (0.1, 0.2, 0.3, 0.4)]) is None


def test_a_move_is_a_recipe_of_techniques():
    config = OptimizeConfig(max_drop=0.01, augment=("flip",), seed=3)
    assert [step.config for step in Move().steps(config, None)] == [QuantizeConfig(precision="int8")]
    removal, file = (step.config for step in Move(0.5, 3.25).steps(config, None))
    assert removal == StructuredConfig(target_params=0.5, epochs=0, seed=3)
    assert file == QuantizeConfig(precision="int8", bits_budget=3.25)
    [trained] = Move(1, 3.25, epochs=7).steps(config, None, {"dense": 2})
    assert trained.config == QatConfig(epochs=7, augment=("flip",), seed=3, layer_bits={"dense": 2})
    fewer_macs = OptimizeConfig(goal="macs")
    assert Move(0.5).steps(fewer_macs, None)[0].config == StructuredConfig(target_macs=0.5, epochs=0, seed=0)


def candidate(cost, loss, *, holds=True, move=Move()):  # noqa: B008  # it is frozen
    return Candidate(move, [], object(), {"size": cost}, Worsening(loss, loss - 0.01, loss + 0.01), holds, None)


def test_the_front_has_no_file_that_is_dearer_and_loses_more():
    made = [candidate(100, 0.0), candidate(50, 0.01), candidate(60, 0.02), candidate(40, 0.05)]
    assert front_of(made, "size", made[1]) == [made[3], made[1], made[0]]


def test_a_long_front_keeps_its_ends_and_the_chosen_file():
    made = [candidate(100, 0.0)] + [candidate(99 - n, 0.001 * n) for n in range(1, 30)]
    front = front_of(made, "size", made[7])
    assert len(front) == 8
    assert {id(made[0]), id(made[7]), id(made[-1])} <= {id(one) for one in front}


def work(progress, task, step):
    with progress.task(task, 1000) as advance:
        for _ in range(1000):
            step()
            advance()


def test_a_deadline_ends_work_in_the_step_after_it():
    deadline = Deadline(Silent(), 0.05)
    with pytest.raises(TimeIsUp):
        work(deadline, "rounding", lambda: time.sleep(0.001))
    assert deadline.left <= 0


def test_a_training_that_would_end_too_late_is_given_up_early(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    deadline = Deadline(Silent(), 100)
    with pytest.raises(TooLong) as found:
        work(deadline, TRAINING_TASK, lambda: now.append(now.pop() + 0.4))
    assert now[0] < 10
    assert found.value.share == pytest.approx(100 / 400, rel=0.05)


def test_the_first_step_of_a_training_may_take_long(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    steps = iter([30.0, *[0.05] * 999])  # it compiles
    work(Deadline(Silent(), 100), TRAINING_TASK, lambda: now.append(now.pop() + next(steps)))
    assert now[0] < 100


def test_without_a_time_there_is_no_deadline():
    deadline = Deadline(Silent(), None)
    with deadline.task(TRAINING_TASK, 2) as advance:
        advance(1)
    assert deadline.left == float("inf")


class World(Search):
    """A search whose files are simulated: each has the bytes of its bits, and loses by its error."""

    def __init__(self, seed, *, trained=0.0, **config):
        self.config = OptimizeConfig(**{"max_drop": 0.01, **config})
        self.limit = Limit("max-drop", 0.01)
        self.progress, self.made, self.notes = Deadline(Silent(), None), [], []
        self.rng, self.trained = np.random.default_rng(seed), trained
        self.slope, self.sizes = float(self.rng.uniform(0.02, 0.5)), self.rng.integers(100, 20_000, 8).tolist()
        self._structures, self._tried, self._few_bits = {}, set(), True
        self._shares = iter((0.8, 0.65, 0.5, 0.4))
        self._scores = None

    @property
    def _evaluator(self):
        return self

    def judge(self, _):
        return None

    def __post_init__(self):
        pass

    @property
    def source(self):
        return None

    def structure(self, share):
        errors, sizes = {}, {}
        for number, size in enumerate(self.sizes):
            four = float(self.rng.uniform(0.001, 0.02))
            errors[f"layer{number}", 0] = {
                "int8": four / 200,
                "int4": four,
                "int2": four * float(self.rng.uniform(4, 20)),
            }
            sizes[f"layer{number}", 0] = int(size * share)
        return Structure(share, None, 0.3 * (1 - share) ** 2, MixedBits(errors, sizes))

    def _begin(self):
        self._structures[1.0] = self.structure(1.0)
        self._make(Move())

    def _open(self):
        share = next(self._shares, None)
        if share is None:
            return False
        self._structures[share] = self.structure(share)
        return True

    def size(self, move):
        return 3000 + self._structures[move.share].weight_bytes(move.bits)

    def loss(self, move):
        return self.slope * self._error(move) * (self.trained if move.epochs else 1)

    def _make(self, move):
        loss = self.loss(move)
        self._tried.add(move)
        error = None if move.epochs else self._error(move)
        found = Candidate(move, [], None, {"size": self.size(move)}, Worsening(loss, loss, loss), loss <= 0.01, error)
        self.made.append(found)


@pytest.mark.parametrize("seed", range(20))
def test_few_files_find_nearly_what_trying_all_would(seed):
    world = World(seed, finalists=0)
    world.run()
    everything = [move for move in world._moves() if world.loss(move) <= 0.01]
    least = min(world.size(move) for move in everything)
    assert len(world.made) <= 12
    assert world.best.holds
    assert world.best.costs["size"] <= 1.1 * least


def test_the_file_that_answers_best_is_looked_for_where_costs_alone_are_limited():
    world = World(0, finalists=0, max_drop=None, max_size=30_000)
    world.run()
    assert world.best.costs["size"] <= 30_000
    better = [
        move for move in world._moves() if world.size(move) <= 30_000 and world.loss(move) < world.best.loss.value
    ]
    assert len(better) <= 2


def test_training_is_for_what_is_cheaper_than_the_best_so_far():
    world = World(1, finalists=3, trained=0.1)
    world.run()
    plain = [one for one in world.made if not one.move.epochs]
    trained = [one for one in world.made if one.move.epochs]
    least = min(one.costs["size"] for one in plain if one.holds)
    assert len(trained) == 3
    assert all(one.costs["size"] < least for one in trained)
    assert world.best.move.epochs
    assert world.best.costs["size"] < 0.8 * least


def test_a_training_that_failed_is_followed_by_one_that_asks_for_less():
    world = World(1, finalists=3, trained=1.0)  # it does not help
    world.run()
    trained = [one.costs["size"] for one in world.made if one.move.epochs]
    assert trained == sorted(trained)
    assert not world.best.move.epochs
