"""A run that was killed goes on: after each epoch the weights, the optimizer and the selection are on disk.

The folder holds `<epoch>.weights.h5` files and a `state.json` that names them. New weights are written first, then
`state.json` is replaced in one step, then what it no longer names is deleted: whenever the process dies, the folder
describes a whole epoch.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from tfopt.artifacts.writing import write
from tfopt.errors import InputError, OutputError
from tfopt.training.selection import BestEpoch


class State(BaseModel):
    """Where a run stands after an epoch. `run` is what was asked for: only the same run can be resumed."""

    run: dict[str, Any]
    epoch: int
    best_epoch: int | None
    best_loss: float
    history: list[dict[str, float]]


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the state of a run into `folder` after each epoch, and reads it back."""

    def __init__(self, folder: Path, run: dict[str, Any], best: BestEpoch, history: list[dict[str, float]]) -> None:
        super().__init__()
        self.folder = folder
        self.run = run
        self.best = best
        self.history = history

    def resume(self, model: keras.Model) -> int:
        """Bring `model`, the selection and the history to where the run stood; return the next epoch (0 for none)."""
        state = self._read()
        if state is None:
            return 0
        if state.run != self.run:
            names = sorted(k for k in {*state.run, *self.run} if state.run.get(k) != self.run.get(k))
            raise InputError(
                f"{self.folder} belongs to a run with another {', '.join(names)}; repeat its options to resume it,"
                " or use --force to start over"
            )
        model.optimizer.build(model.trainable_variables)
        try:
            if state.best_epoch is not None:
                model.load_weights(self._weights(state.best_epoch))
                self.best.epoch, self.best.loss = state.best_epoch, state.best_loss
                self.best.weights = model.get_weights()
            model.load_weights(self._weights(state.epoch))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{self.folder} is damaged; use --force to start over") from error
        self.history.extend(state.history)
        return state.epoch + 1

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, so that no other process trains into it; raise `OutputError` if one does."""
        try:
            self.folder.mkdir(exist_ok=True)
            with FileLock(self.folder / "lock", timeout=0):
                try:
                    yield
                finally:
                    if not (self.folder / "state.json").exists():
                        shutil.rmtree(self.folder)
        except Timeout:
            raise OutputError(f"another process is training into {self.folder}") from None
        except (FileExistsError, NotADirectoryError):
            raise OutputError(f"{self.folder} is in the way; remove it or use -o for another name") from None

    def clear(self) -> None:
        """Forget an earlier run."""
        for path in (self.folder / "state.json", *self.folder.glob("*.weights.h5")):
            path.unlink(missing_ok=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Write this epoch."""
        self.model.save_weights(self._weights(epoch), overwrite=True)
        state = State(
            run=self.run, epoch=epoch, best_epoch=self.best.epoch, best_loss=self.best.loss, history=self.history
        )
        write(self.folder / "state.json", state.model_dump_json().encode(), force=True)
        named = {self._weights(epoch), self._weights(self.best.epoch if self.best.epoch is not None else epoch)}
        for old in set(self.folder.glob("*.weights.h5")) - named:
            old.unlink()

    def _weights(self, epoch: int) -> Path:
        return self.folder / f"{epoch}.weights.h5"

    def _read(self) -> State | None:
        path = self.folder / "state.json"
        if not path.exists():
            return None
        try:
            return State.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            raise InputError(f"{path} is damaged; use --force to start over") from error
