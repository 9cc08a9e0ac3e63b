"""The search: files are made in the order in which they promise most, and judged on the validation split.

Without training first: the file of 8 bits, then fewer bits, then fewer channels, each time the cheapest file that is
predicted to keep to the limits, and as long as nobody knows which do, the one in the middle. Then some that lose too
much are trained for, each about a fifth cheaper than the best so far, or in between where that failed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tfopt.core.context import Context
from tfopt.core.pipeline import Pipeline
from tfopt.core.recipe import Step
from tfopt.core.run_folder import RunFolder
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, OutputError, TfoptError
from tfopt.evaluation.evaluator import Evaluator, Scores
from tfopt.evaluation.limits import Limit
from tfopt.evaluation.statistics import Worsening
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.optimization.candidate import Candidate
from tfopt.optimization.config import Goal, OptimizeConfig
from tfopt.optimization.costs import CostMeter, Costs
from tfopt.optimization.deadline import Deadline, TimeIsUp, TooLong
from tfopt.optimization.moves import WIDE, Form, Move, by_parameters, removal, usual_epochs
from tfopt.optimization.prediction import Measured, predicted_loss
from tfopt.optimization.structures import Structure, make_structure
from tfopt.report.gate_lines import format_worsening
from tfopt.targets.target import Target

SHARES = (0.8, 0.65, 0.5, 0.4, 0.3, 0.2)
CHEAPER = 0.98  # of the cost of the best, from which on a file is worth making
STEP = 0.8  # of the cost of the best, that training is tried for
HOPELESS = 0.05  # more points than are allowed, lost by a structure whose weights are not rounded yet
LEAST_EPOCHS = 3
UNTRAINED = 0.4  # of the time, for files that are not trained for


@dataclass
class Search:
    """Looks for the best file of a model within limits.

    Attributes:
        config: What is asked for.
        source: The model.
        data: The data, whose test split no part of the search is given.
        target: The device; None for this CPU.
        limit: The most that may be lost.
        folder: Keeps what was made.
        progress: Shows how far the work is, and ends it in time.
        made: The files that were made.
        notes: Sentences for the report.
    """

    config: OptimizeConfig
    source: KerasArtifact
    data: Dataset
    target: Target | None
    limit: Limit
    folder: RunFolder
    progress: Deadline
    made: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = Context.of(self.data, self.progress, self.folder.tables).judged_as(self.config)
        assert self._context.evaluator is not None
        self._evaluator: Evaluator = self._context.evaluator
        self._meter = CostMeter(self.source, self.target, self.config.costs_asked, self.progress)
        self._structures: dict[float, Structure] = {}
        self._shares = iter(SHARES)
        self._tried: set[Move] = set()
        self._few_bits = self.config.goal in ("size", "flash") or "size" in self.config.costs_limited

    def run(self) -> None:
        """Make files until nothing promises more, or the time is up, or Ctrl-C ends it."""
        try:
            self._scores: Scores = self._evaluator.judge(self.source)
            self._begin()
            for _ in range(self.config.files - len(self.made)):
                if self._is_time_to_train or not self._explore():
                    break
            for _ in range(self.config.finalists):
                if not self._train():
                    break
        except TimeIsUp:
            self.notes.append("the time is up: what was being made is left out")
        except KeyboardInterrupt:
            self.notes.append("interrupted: what was being made is left out")

    @property
    def goal(self) -> Goal:
        """Return the cost that gets least."""
        return self.config.goal

    def within(self, costs: Costs) -> bool:
        """Tell whether costs keep to the limits that were set on them."""
        return all(costs.get(name, 0) <= most for name, most in self.config.costs_limited.items())

    @property
    def best(self) -> Candidate | None:
        """Return the file that was looked for; None if none keeps to all limits."""
        fitting = [one for one in self.made if self.within(one.costs)]
        if self.by_answers:
            return min(fitting, key=lambda one: (one.loss.value, one.costs[self.goal]), default=None)
        return min((one for one in fitting if one.holds), key=lambda one: one.costs[self.goal], default=None)

    @property
    def by_answers(self) -> bool:
        """Tell whether the file that answers best is looked for: costs alone are limited."""
        return bool(self.config.costs_limited) and self.config.limited is None

    @property
    def measured(self) -> list[Measured]:
        """Return the files whose error was predicted, with what they lose."""
        return [Measured(one.error, one.loss.value) for one in self.made if one.error is not None]

    @property
    def _is_time_to_train(self) -> bool:
        """Tell whether the share of the time is gone that files without training have, if others are to be trained."""
        seconds = self.progress.seconds
        return bool(seconds and self.config.finalists) and self.progress.left < (1 - UNTRAINED) * (seconds or 0)

    def _begin(self) -> None:
        """Make the file of 8 bits, and for the goal latency other forms."""
        self._structures[1.0] = Structure(1.0, self.source, 0.0, None)
        others = self.goal == "latency" and not (self.target and self.target.numbers == "integer")
        forms: tuple[Form, ...] = ("int8", "dynamic", "float32") if others else ("int8",)
        for form in forms:
            self._make(Move(form=form))
        if not self.made:
            raise InputError(f"no file can be made of {self.source.name}: {'; '.join(self.notes)}")
        if self._few_bits:
            whole = make_structure(1.0, self.source, self.source, self._context, few_bits=True)
            self._structures[1.0] = whole
            if whole.why_not:
                self.notes.append(f"all weights have 8 bits: {whole.why_not}")

    def _explore(self) -> bool:
        """Make the file that promises most; tell whether there was one."""
        while (move := self._next()) is None:
            if not self._open():
                return False
        self._make(move)
        return True

    def _next(self) -> Move | None:
        """Return what promises most of all that can be made of the structures that are there."""
        pool = {move: self._predicted(move) for move in self._moves() if move not in self._tried}
        best = self.best
        if self.by_answers:
            known = [one.error for one in self.made if one.error is not None and self.within(one.costs)]
            pool = {move: found for move, found in pool.items() if self.within(found[0])}
            better = [move for move in pool if self._error(move) < min(known, default=float("inf"))]
            return min(better, key=self._error, default=None)
        if best:
            most = CHEAPER * best.costs[self.goal]
            pool = {move: found for move, found in pool.items() if found[0][self.goal] < most}
        failed = [one for one in self.made if one.error is not None and not one.holds]
        lost = {move for move in pool for one in failed if one.move.costs_no_less(move)}
        pool = {move: found for move, found in pool.items() if move not in lost and self.within(found[0])}
        if not pool:
            return None
        ordered = sorted(pool, key=lambda move: pool[move][0][self.goal])
        if best and failed:
            kept = [move for move in ordered if pool[move][1] <= self.limit.most]
            return kept[0] if kept else None
        return ordered[len(ordered) // 2]

    def _moves(self) -> Iterator[Move]:
        """Yield what can be made of the structures that are there."""
        forms = {one.move.form for one in self.made if one.move.share == 1}
        best = self.best or self.made[0]
        form: Form = best.move.form if self.goal == "latency" and best.move.form in forms else "int8"
        for share, structure in self._structures.items():
            yield Move(share, form=form)
            if form == "int8":
                for mean in structure.means():
                    yield Move(share, mean)

    def _open(self) -> bool:
        """Let more channels leave; tell whether that was possible and the model still answers well enough."""
        share = next(self._shares, None)
        if share is None:
            return False
        try:
            [smaller] = self._applied([Step.of(removal(share, self.config))])
        except TfoptError as error:
            self.notes.append(f"no channels leave: {error}")
            self._shares = iter(())
            return False
        assert isinstance(smaller, KerasArtifact)
        structure = make_structure(share, smaller, self.source, self._context, few_bits=self._few_bits)
        self._structures[share] = structure
        if self._lost(smaller).value > self.limit.most + HOPELESS:
            self._shares = iter(())  # fewer would answer worse
        return True

    def _predicted(self, move: Move) -> tuple[Costs, float]:
        """Predict what a file costs and loses, from those that were made."""
        structure, first = self._structures[move.share], self.made[0]
        alike = [one for one in self.made if one.move.form == move.form]
        near = next((one for one in reversed(alike) if one.move.share == move.share), alike[0] if alike else first)
        before = self._structures.get(near.move.share, structure)
        share = move.share / near.move.share
        saved = before.weight_bytes(near.move.bits) - structure.weight_bytes(move.bits)
        costs: dict[Goal, float] = {name: value * share for name, value in near.costs.items()}
        costs["size"] = max(near.costs["size"] - saved, 1.0)
        if "flash" in costs:
            costs["flash"] = near.costs["flash"] * costs["size"] / near.costs["size"]
        return costs, predicted_loss(self._error(move), self.measured)

    def _error(self, move: Move) -> float:
        return self._structures[move.share].error_with(move.bits)

    def _train(self) -> bool:
        """Train for a file that is cheaper than the best so far; tell whether there was one that fits into the time."""
        move = self._next_trained()
        if move is None:
            return False
        while True:
            try:
                self._make(move)
            except TooLong as error:
                epochs = int(move.epochs * error.share * 0.9)
                if epochs < LEAST_EPOCHS:
                    self.notes.append("no time was left to train for a cheaper file")
                    return False
                move = replace(move, epochs=epochs)
            else:
                return True

    def _next_trained(self) -> Move | None:
        """Return what to train for: a fifth cheaper than the best, or between the best and what failed."""
        best, epochs = self.best, usual_epochs(self.config)
        pool: list[Move] = []
        for share, structure in self._structures.items():
            wide = [WIDE] if share < 1 or self.goal not in ("size", "flash") else []
            pool += [Move(share, mean, epochs=epochs) for mean in [*wide, *structure.means()]]
        costs = {move: self._predicted(move)[0] for move in pool if replace(move, epochs=0) not in self._finalists()}
        costs = {move: own for move, own in costs.items() if self.within(own)}
        if best and not self.by_answers:
            most = best.costs[self.goal]
            failed = [one.costs[self.goal] for one in self.made if one.move.epochs and not one.holds]
            floor = max((one for one in failed if one < most), default=0.0)
            costs = {move: own for move, own in costs.items() if floor < own[self.goal] < CHEAPER * most}
            wanted = (floor + most) / 2 if floor else STEP * most
            wanted = max(wanted, min((own[self.goal] for own in costs.values()), default=0.0))
            costs = {move: own for move, own in costs.items() if own[self.goal] <= wanted}
        return min(costs, key=self._error, default=None)

    def _finalists(self) -> set[Move]:
        return {replace(one.move, epochs=0) for one in self.made if one.move.epochs}

    def _make(self, move: Move) -> None:
        """Make a file and judge it; what cannot be made is told."""
        self._tried.add(replace(move, epochs=0) if not move.epochs else move)
        narrow = move.epochs and move.narrow
        layer_bits = self._structures[move.share].layer_bits(move.bits) if narrow else None
        steps = move.steps(self.config, self.target, layer_bits)
        try:
            *_, file = self._applied(steps)
            assert isinstance(file, TfliteArtifact)
            costs = self._meter.costs(file)
        except OutputError:
            raise  # what cannot be kept cannot be gone on with
        except TfoptError as error:
            self.notes.append(f"{self.described(move)}: {error}")
            return
        loss = self._lost(file)
        predicted = None if move.epochs else self._error(move)
        self.made.append(Candidate(move, steps, file, costs, loss, self.limit.holds(loss), predicted))
        self._tell(self.made[-1])

    def _tell(self, made: Candidate) -> None:
        """Show what came of a file, which is the best so far, and how much time is left."""
        best, left = self.best, self.progress.left
        told = f"best so far: {self._shown(best)}" if best else "none keeps to all limits yet"
        time = "" if left == float("inf") else f"; {left:.0f} s left"
        self.progress.say(f"{self.described(made.move)}: {self._shown(made)}; {told}{time}")

    def _shown(self, made: Candidate) -> str:
        return f"{made.costs[self.goal]:,.4g} with {format_worsening(self.limit.gate, made.loss.value)} lost"

    def described(self, move: Move) -> str:
        """Say how a file is made."""
        return move.described("parameters" if by_parameters(self.config) else "MACs")

    def _applied(self, steps: list[Step]) -> list[Artifact]:
        """Apply steps to the model, or take from the folder what they made; return what each has made."""
        applied = Pipeline(steps).apply(self.source, self.data, self.progress, folder=self.folder)
        return [outcome.artifact for outcome in applied]

    def _lost(self, artifact: Artifact) -> Worsening:
        return self._evaluator.worsening(self._scores, self._evaluator.judge(artifact), self.limit.level)
