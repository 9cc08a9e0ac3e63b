"""Whether two checkouts of tfopt write the same bytes: the proof that a change of code is no change of behaviour.

    python benchmarks/same_bytes.py TREE [--shared FOLDER] [--only NAME ...] -o hashes.json
    python benchmarks/same_bytes.py --compare old.json new.json [--only NAME ...]

The first runs every command of `commands` with the tfopt of the checkout TREE, each in a fresh folder and a process of
its own. It writes the sha256 of each artifact, what the reports say apart from times, and the answers of commands that
write nothing. What was measured in seconds is left out. FOLDER has `models` and `data`, as for `make acceptance`;
without it no real models are tried. NAME is a command of the list or a pattern of such, as `prune*`; what a command
takes from others is made first. `--list` prints the names.

The second prints for each command whether both are alike, and if not what differs. It exits with 1 if anything does,
or if a command is missing from either.

Seeds are fixed, so that on one machine the same code gives the same bytes. Another processor rounds otherwise: compare
only what one machine wrote.
"""

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from same_bytes_commands import ARRAYS, TEXTS, Command, chosen, commands, named

SECONDS = 1800  # after which a command is given up; much, as the machine may be busy
ARTIFACTS = (".keras", ".tflite", ".c", ".h")
REPORT = ".report.json"
MEASURED_KEYS = {"latency", "versions", "seconds", "epoch_seconds", "added_bytes"}
MEASURED_NOTES = ("no speed on this machine", "no slower", "time in LiteRT")  # in notes that follow from times
COMPARED = ("exit", "stderr", "artifacts", "reports", "answer")
MOST_SHOWN = 8  # differences of one command

Json = dict[str, Any]


class Runner:
    """Runs commands with the tfopt of a checkout, each in a folder of its own below `place`."""

    def __init__(self, tree: Path, shared: Path | None, place: Path) -> None:
        self.tree, self.shared, self.place = tree, shared, place
        temporary = place / "tmp"
        temporary.mkdir()
        self.environment = {**os.environ, "PYTHONPATH": str(tree), "TMPDIR": str(temporary), "COLUMNS": "200"}

    def found(self) -> Path:
        """Where Python finds tfopt."""
        asked = [sys.executable, "-P", "-c", "import tfopt; print(tfopt.__file__)"]
        ended = subprocess.run(
            asked, cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        return Path(ended.stdout.strip() or "nowhere")

    def run(self, command: Command) -> Json:
        """What became of a command: its exit code, its seconds, and what it wrote."""
        folder = self.place / command.name.replace(":", "-")
        folder.mkdir()
        words = command.words(self.shared / "data" if self.shared else None)
        before = self._filled(folder, command, words)
        began = time.perf_counter()
        code, out, err = self._ended(folder, words)
        seconds = time.perf_counter() - began
        lines = [line.replace(str(folder), ".") for line in err.splitlines() if line.strip()]
        made = sorted(path for path in folder.iterdir() if path.name not in before)
        return {
            "line": f"tfopt {command.line}",
            "exit": code,
            "seconds": round(seconds, 1),
            "stderr": lines[-1] if code and lines else "",
            "artifacts": {path.name: hashed(path) for path in made if path.suffix in ARTIFACTS},
            "reports": {path.name: said(json.loads(path.read_text())) for path in made if path.name.endswith(REPORT)},
            "answer": unmeasured(json.loads(out)) if "--json" in words and out.startswith("{") else None,
        }

    def _ended(self, folder: Path, words: list[str]) -> tuple[int | None, str, str]:
        call = [sys.executable, "-P", "-m", "tfopt", *words]
        try:
            ended = subprocess.run(
                call,
                cwd=folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return None, "", f"took longer than {SECONDS} s"
        return ended.returncode, ended.stdout, ended.stderr

    def _filled(self, folder: Path, command: Command, words: list[str]) -> set[str]:
        """Put there what a command takes; times are kept, as the newest model may be meant."""
        sources = [path for path in (self.tree / "sample_models").glob("*.keras") if path.name in words]
        for name in command.takes:
            sources += [path for path in self._folder(name).iterdir() if path.suffix in ARTIFACTS]
        if self.shared:
            sources += [self.shared / path for path in command.given]
        for source in sources:
            target = folder / source.name
            if source.is_dir():
                shutil.copytree(source, target)
            elif not target.exists():
                shutil.copy2(source, target)
        for name, make in ARRAYS.items():
            if name in words:
                np.save(folder / name, make())
        if "texts.txt" in words:
            (folder / "texts.txt").write_text(TEXTS, encoding="utf-8")
        return {path.name for path in folder.iterdir()}

    def _folder(self, name: str) -> Path:
        return self.place / name.replace(":", "-")


def hashed(path: Path) -> Json:
    """The sha256 of a file, and of a `.keras` those of its members, too."""
    payload = path.read_bytes()
    found: Json = {"sha256": hashlib.sha256(payload).hexdigest(), "bytes": len(payload)}
    if path.suffix == ".keras" and zipfile.is_zipfile(io.BytesIO(payload)):
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            found["members"] = {
                name: hashlib.sha256(archive.read(name)).hexdigest() for name in sorted(archive.namelist())
            }
    return found


def said(report: Json) -> Json:
    """What a report says of layers and accuracy, without what was measured in time."""
    return {
        "layers": [[layer["layer"], layer["action"], layer["detail"]] for layer in report["layers"]],
        "notes": _unmeasured_notes(report["notes"]),
        "gates": report["gates"],
        "measured": {one["name"]: _figures(one) for one in report["measurements"]},
    }


def _figures(one: Json) -> Json:
    accuracy, deviation, bleu = (one[key] or {} for key in ("accuracy", "deviation", "bleu"))
    return {
        "correct": accuracy.get("correct"),
        "total": accuracy.get("total"),
        "mae": deviation.get("mae"),
        "bleu": bleu.get("value"),
    }


def unmeasured(answer: Any) -> Any:
    """An answer without times and versions."""
    if isinstance(answer, list):
        return [unmeasured(one) for one in answer]
    if not isinstance(answer, dict):
        return answer
    kept = {key: unmeasured(value) for key, value in answer.items() if key not in MEASURED_KEYS}
    return kept | {"notes": _unmeasured_notes(kept["notes"])} if "notes" in kept else kept


def _unmeasured_notes(notes: list[str]) -> list[str]:
    return [note for note in notes if not any(words in note for words in MEASURED_NOTES)]


def differences(old: Json, new: Json) -> list[str]:
    """What differs between two results of one command, one sentence each."""
    return [sentence for key in COMPARED for sentence in _differing(key, old[key], new[key])]


def _differing(where: str, old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        if "sha256" in old and "sha256" in new:
            yield f"{where}: {_differing_file(old, new)}"
            return
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in old or key not in new:
                yield f"{where}: {key} is only in the {'old' if key in old else 'new'}"
            else:
                yield from _differing(f"{where}, {key}", old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differing(f"{where} {number}", one, other)
    else:
        yield f"{where}: {old!r} became {new!r}"


def _differing_file(old: Json, new: Json) -> str:
    sizes = f"{old['bytes']:,} bytes became {new['bytes']:,}"
    if "members" not in old or "members" not in new:
        return f"other bytes ({sizes})"
    names = sorted(old["members"].keys() | new["members"].keys())
    others = [name for name in names if old["members"].get(name) != new["members"].get(name)]
    return f"{', '.join(others) or 'the zip, not its members,'} differs ({sizes})"


def compare(old: Json, new: Json, patterns: Sequence[str] | None) -> int:
    """Print for each command whether two files of hashes agree on it."""
    names = [*old, *(name for name in new if name not in old)]
    names = [name for name in names if patterns is None or named(name, patterns)]
    others = 0
    for name in names:
        if name in old and name in new:
            found, code = differences(old[name], new[name]), old[name]["exit"]
        else:
            found, code = [f"only in the {'old' if name in old else 'new'} file"], 0
        others += bool(found)
        failed = "" if code == 0 or found else f" (exit {code} in both)"
        print(f"{'DIFFERS' if found else 'equal  '}  {name}{failed}")
        for sentence in found[:MOST_SHOWN]:
            print(f"         {sentence}")
        if len(found) > MOST_SHOWN:
            print(f"         and {len(found) - MOST_SHOWN} more")
    print(f"{len(names) - others} of {len(names)} commands are equal")
    return 1 if others or not names else 0


def run(tree: Path, shared: Path | None, patterns: Sequence[str] | None, output: Path) -> int:
    """Run the commands and write what became of them after each, so that nothing is lost if one hangs."""
    results: dict[str, Json] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as place:
        runner = Runner(tree, shared, Path(place).resolve())
        if not runner.found().is_relative_to(tree):
            print(f"error: tfopt was found in {runner.found()}, not in {tree}", file=sys.stderr)
            return 2
        wanted = chosen(commands(real=shared is not None), patterns)
        for number, command in enumerate(wanted, 1):
            result = results[command.name] = runner.run(command)
            output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            failed = f", exit {result['exit']}: {result['stderr']}" if result["exit"] else ""
            state = f"{number} of {len(wanted)}: {command.name}, {result['seconds']} s{failed}"
            print(state, file=sys.stderr, flush=True)
    failures = sum(result["exit"] != 0 for result in results.values())
    minutes = (time.perf_counter() - began) / 60
    print(f"{len(results)} commands in {minutes:.1f} minutes, {failures} of them not with exit 0")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", type=Path, metavar="TREE", help="the checkout whose tfopt is run")
    parser.add_argument("--shared", type=Path, metavar="FOLDER", help="a folder with models and data")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these commands, or patterns of their names")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the hashes go")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"), help="two files of hashes")
    parser.add_argument("--list", action="store_true", help="print all commands")
    given = parser.parse_args(arguments)
    if given.list:
        for command in commands(real=True):
            print(f"{command.name:22} tfopt {command.line}")
        return 0
    if given.compare:
        old, new = (json.loads(path.read_text(encoding="utf-8")) for path in given.compare)
        return compare(old, new, given.only)
    if given.tree is None or given.output is None:
        parser.error("give a checkout and -o, or --compare with two files")
    if given.shared is None:
        print("no --shared: no real models are tried", file=sys.stderr)
    shared = given.shared.resolve() if given.shared else None
    return run(given.tree.resolve(), shared, given.only, given.output)


if __name__ == "__main__":
    sys.exit(main())
