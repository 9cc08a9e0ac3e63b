"""The files that a command writes: checked before the work begins, held while it lasts, and put in place together.

While a command works it holds a lock beside its output, so that of two that would write the same one gives up at once.
A process that is killed leaves at most hidden files, which the next one with that output removes.
"""

import contextlib
import glob
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tfopt.errors import OutputError
from tfopt.runtime.atomic_files import check_destination, check_distinct, check_folder, hidden_name, write_files
from tfopt.runtime.locks import locked

if TYPE_CHECKING:
    from tfopt.report.packing import PackedFile
    from tfopt.report.schema import Report

Told = TypeVar("Told", "Report", "PackedFile")


class Destination:
    """A path for a result, checked before the work begins.

    Args:
        path: Where the artifact goes.
        suffix: How its name must end.
        force: Whether files that exist are replaced.
        inputs: Files that it must not be.
        companions: Suffixes of more files that are made with it.
        beside: Files whose content is known already, as that of a recipe.

    Raises:
        OutputError: If something cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        suffix: str,
        force: bool = False,
        inputs: Iterable[Path] = (),
        companions: Iterable[str] = (),
        beside: Mapping[Path, bytes] | None = None,
    ) -> None:
        self.path = Path(path)
        self.force = force
        self.companions = [self.path.with_suffix(more) for more in companions]
        if self.path.suffix != suffix:
            raise OutputError(f"the output {self.path} must end in {suffix}")
        self.beside = beside or {}
        check_distinct([*self.written, self.report_path, *self.beside], inputs)
        for path in (*self.written, self.report_path, *self.beside):
            check_destination(path, force)
        for path in (self.path, *self.beside):
            check_folder(path)

    @property
    def report_path(self) -> Path:
        """Return where the report of this output goes."""
        return self.path.with_name(self.path.name + ".report.json")

    @property
    def written(self) -> list[Path]:
        """The files that `save` writes, but for the report."""
        return [self.path, *self.companions]

    def save(self, payload: bytes, report: Told, companions: Iterable[bytes] = ()) -> Told:
        """Write the artifact, what goes beside it and the report, each atomically; return the report with the path."""
        report = report.model_copy(update={"output": str(self.path)})
        contents = {**dict(zip(self.companions, companions, strict=True)), self.path: payload}
        contents[self.report_path] = (report.model_dump_json(indent=2) + "\n").encode()
        write_files({**contents, **self.beside}, force=self.force)
        return report

    def save_beside(self) -> None:
        """Write only what lies beside the artifact and was known from the start."""
        if self.beside:
            write_files(self.beside, force=self.force)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing here while the context lasts; raise `OutputError` if one does."""
        with contextlib.ExitStack() as stack:
            for path in sorted(self.written):
                taken = f"another process is writing {path}; wait for it, or use `output` for another name"
                stack.enter_context(locked(path.with_name(f"{hidden_name(path)}.lock"), taken))
            for path in (*self.written, self.report_path):
                check_destination(path, self.force)
                for left in path.parent.glob(f"{glob.escape(hidden_name(path))}.{'[0-9a-f]' * 8}.tmp"):
                    left.unlink(missing_ok=True)  # of a process that was killed
            yield
