"""A checkpoint lets a run that was killed go on: after each epoch, or more often, its whole state is on disk.

The folder holds `<epoch>.<step>.weights.h5` files, with the weights and the optimizer, and a `state.json` that names
them. New weights are written first, then `state.json` is replaced in one step, then what it no longer names is deleted:
whenever the process dies, the folder describes a whole step.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import keras
from pydantic import BaseModel, ValidationError

from tfopt.errors import InputError, OutputError
from tfopt.formats.keras.serialization import estimate_weights_size
from tfopt.runtime.atomic_files import write_file
from tfopt.runtime.locks import locked
from tfopt.runtime.temporary_files import check_free_space
from tfopt.training.callbacks import BestEpoch
from tfopt.training.seeds import EpochSeeds
from tfopt.typing import Json, Logs


@dataclass(frozen=True)
class RunFiles:
    """The files of a run.

    Attributes:
        checkpoint: The folder of its state, written after each epoch.
        run: What was asked for, so that only the same run is resumed.
        resume: Whether to go on with the state that is there, instead of starting over.
        steps: After so many steps the state is written as well.
        tensorboard: The folder for logs of TensorBoard, if they are wanted.
    """

    checkpoint: Path
    run: Json
    resume: bool = False
    steps: int | None = None
    tensorboard: Path | None = None

    def part(self, name: str) -> "RunFiles":
        """Return the files of an earlier part of the same run."""
        return replace(self, checkpoint=self.checkpoint.with_name(f"{self.checkpoint.name}-{name}"), tensorboard=None)

    @property
    def folders(self) -> list[Path]:
        """All checkpoints of the run."""
        return [self.checkpoint, self.part("head").checkpoint]


class Position(NamedTuple):
    """The point that a run has come to: the number of whole epochs, and of steps of the next one."""

    epoch: int = 0
    step: int = 0

    def __str__(self) -> str:
        return f"epoch {self.epoch}" + f" and {self.step} steps of the next" * bool(self.step)


NOT_STARTED = Position()


class RunState(BaseModel):
    """The contents of `state.json`.

    Attributes:
        run: What was asked for: only the same run can be resumed.
        position: How far the run has come.
        drawn: How often each generator of random numbers was used since the epoch began.
        best_epoch: The best epoch so far, counted from 0.
        best_loss: Its validation loss.
        history: The losses and metrics of each epoch.
    """

    run: Json
    position: Position
    drawn: list[int]
    best_epoch: int | None
    best_loss: float
    history: list[dict[str, float]]


def saved_position(folder: Path) -> Position:
    """Return how far the run in a folder had come when it was last written."""
    state = _read_state(folder)
    return state.position if state else NOT_STARTED


def remove_checkpoint(folder: Path) -> None:
    """Remove the folder of a run, unless it holds what is not ours: that and the folder stay."""
    _clear(folder)
    with contextlib.suppress(OSError):
        (folder / "lock").unlink(missing_ok=True)
        folder.rmdir()


def remove_without_checkpoint(folder: Path) -> None:
    """Remove the folder of a run that has not come to its first checkpoint."""
    if not (folder / "state.json").exists():
        remove_checkpoint(folder)


def _clear(folder: Path) -> None:
    for path in (folder / "state.json", *folder.glob("*.weights.h5"), *folder.glob(".state.json.*.tmp")):
        path.unlink(missing_ok=True)


class Checkpoint(keras.callbacks.Callback):
    """Writes the state of a run into a folder, and reads it back.

    Args:
        folder: The folder, whose parent exists.
        run: What was asked for, so that only the same run is resumed.
        best: Selects the best epoch, whose weights are kept as well.
        history: The losses and metrics of each epoch.
        seeds: Knows how far the generators of random numbers are.
        steps: After so many steps the state is written, as it is after each epoch.
    """

    def __init__(
        self, folder: Path, run: Json, best: BestEpoch, history: list[dict[str, float]], seeds: EpochSeeds,
        steps: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.folder = folder
        self.run = run
        self.best = best
        self.history = history
        self.seeds = seeds
        self.steps = steps
        self.position = NOT_STARTED

    def resume(self, model: keras.Model) -> Position:
        """Bring `model`, the selection and the history to where the run stood; return how far it had come.

        Raises:
            InputError: The folder belongs to another run, or is damaged.
        """
        state = _read_state(self.folder)
        if state is None:
            return NOT_STARTED
        if state.run != self.run:
            names = sorted(k for k in {*state.run, *self.run} if state.run.get(k) != self.run.get(k))
            raise InputError(
                f"{self.folder} belongs to a run with another {', '.join(names)}; repeat its options to resume it,"
                " or use `force` to start over"
            )
        model.optimizer.build(model.trainable_variables)
        try:
            if state.best_epoch is not None:
                model.load_weights(self._weights(Position(state.best_epoch + 1)))
                self.best.epoch, self.best.loss = state.best_epoch, state.best_loss
                self.best.weights = model.get_weights()
            model.load_weights(self._weights(state.position))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self.folder} is damaged; use `force` to start over") from error
        self.history.extend(state.history)
        self.seeds.drawn_before = state.drawn if state.position.step else []
        self.position = state.position
        return state.position

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder while the context lasts, so that no other process trains into it.

        Raises:
            OutputError: Another process does, or something else is in the way.
        """
        try:
            self.folder.mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"{self.folder} is in the way; remove it or use `output` for another name") from None
        with locked(self.folder / "lock", f"another process is training into {self.folder}"):
            try:
                yield
            finally:
                remove_without_checkpoint(self.folder)

    def start_over(self) -> Position:
        """Remove the state of an earlier run; return where the new one starts."""
        _clear(self.folder)
        return NOT_STARTED

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Write the steps of this epoch, if they are as many as asked for."""
        self.position = Position(self.position.epoch, self.position.step + 1)
        if self.steps and self.position.step % self.steps == 0:
            self._write()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:  # noqa: ARG002
        """Write this epoch."""
        self.position = Position(epoch + 1)
        self._write()

    def _write(self) -> None:
        check_free_space(self.folder, estimate_weights_size([*self.model.variables, *self.model.optimizer.variables]))
        self.model.save_weights(self._weights(self.position), overwrite=True)
        state = RunState(
            run=self.run, position=self.position, drawn=self.seeds.drawn() if self.position.step else [],
            best_epoch=self.best.epoch, best_loss=self.best.loss, history=self.history,
        )  # fmt: skip
        write_file(self.folder / "state.json", state.model_dump_json().encode(), force=True)
        best = self.position if self.best.epoch is None else Position(self.best.epoch + 1)
        for old in set(self.folder.glob("*.weights.h5")) - {self._weights(self.position), self._weights(best)}:
            old.unlink()

    def _weights(self, position: Position) -> Path:
        return self.folder / f"{position.epoch}.{position.step}.weights.h5"


def _read_state(folder: Path) -> RunState | None:
    path = folder / "state.json"
    if not path.exists():
        return None
    try:
        return RunState.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise InputError(f"{path} is damaged; use `force` to start over") from error
