"""The files of a search: a study in SQLite, and beside it the model of the best trial so far."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tfopt.errors import OutputError

SQLITE = ("", "-journal", "-wal", "-shm")  # of a file of SQLite, and what it keeps beside it


@dataclass(frozen=True)
class StudyFiles:
    """Files of a search; one that is there is gone on with if `resume`, and else replaced if `force`."""

    path: Path
    resume: bool = False
    force: bool = False

    @property
    def lock(self) -> Path:
        """Held by the one process that runs the search."""
        return self._beside("lock")

    @property
    def turn(self) -> Path:
        """Held by the process that takes a trial or ends one."""
        return self._beside("turn")

    def model(self, number: int) -> Path:
        """The model of a trial."""
        return self._beside(f"{number}.keras")

    def refuse(self) -> None:
        """Raise `OutputError` if the search of another run is in the way."""
        if self.path.is_dir():
            raise OutputError(f"{self.path} is a directory, not a search")
        if self.path.exists() and not self.resume and not self.force:
            raise OutputError(f"{self.path} holds a search; use `resume` to go on with it or `force` to start over")
        kept = [self.turn, self.lock, *map(self._with, SQLITE[1:]), *self._models()]
        for path in [] if self.path.exists() or self.force else kept:
            if path.exists() and path.stat().st_size:
                raise OutputError(f"{path} is in the way; use `force` to replace it or `output` for another name")

    def keep_only(self, number: int) -> None:
        """Delete the models of all other trials."""
        for path in self._models():
            if path != self.model(number):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget an earlier search."""
        self.keep_only(-1)
        self._forget(self.path)

    @property
    def begun(self) -> Path:
        """The study while its tables are made, so that a process that is killed meanwhile leaves no half study."""
        return self.path.with_name(f".{self.path.name}.begun")

    def sweep(self) -> None:
        """Delete what a process that was killed has left under hidden names."""
        self._forget(self.begun)
        for left in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.tmp"):
            left.unlink(missing_ok=True)

    def _models(self) -> Iterator[Path]:
        """The models of trials that are there."""
        ours = re.compile(re.escape(self.path.name) + r"\.\d+\.keras")
        return (path for path in self.path.parent.iterdir() if ours.fullmatch(path.name))

    def _forget(self, path: Path) -> None:
        for suffix in SQLITE:
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def _with(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _beside(self, suffix: str) -> Path:
        return self._with(f".{suffix}")
