"""Tables of figures that take long to measure are kept on disk, each under a hash of all that determines it.

Such a table is what every width of every kernel costs. Whoever needs it again reads it, as long as the model, the
samples and the versions are the same; one that was damaged is measured again.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from tfopt.report.schema import package_versions
from tfopt.runtime.atomic_files import write_file
from tfopt.typing import Json


class Tables:
    """Keeps tables in a folder, which is made when the first one is kept.

    Args:
        folder: The folder.
        resume: Whether tables that it has are read.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        self.folder = folder
        self.resume = resume
        self._measured: set[str] = set()  # by this process, so that they are read in any case

    def table(self, parts: Sequence[bytes | str], measure: Callable[[], Json]) -> Json:
        """Return a table, measured if it is not there.

        Args:
            parts: All that determines it, but for the versions of packages.
            measure: Gives it as JSON has it.
        """
        name = _hash([*parts, json.dumps(package_versions(), sort_keys=True)])
        path = self.folder / f"{name}.json"
        found = _read(path) if self.resume or name in self._measured else None
        if found is None:
            found = measure()
            text = json.dumps(found)
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(path, f"{text}\n{_hash([text])}\n".encode(), force=True)
            self._measured.add(name)
        return found


def _read(path: Path) -> Json | None:
    """Return what a file holds, if that is whole."""
    try:
        text, seal = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    if _hash([text]) != seal:
        return None
    found: Json = json.loads(text)
    return found


def _hash(parts: Sequence[bytes | str]) -> str:
    found = hashlib.sha256()
    for part in parts:
        payload = part.encode() if isinstance(part, str) else part
        found.update(len(payload).to_bytes(8, "little") + payload)
    return found.hexdigest()[:32]
