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
import fnmatch
import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 1800  # after which a command is given up; much, as the machine may be busy
ARTIFACTS = (".keras", ".tflite", ".c", ".h")
REPORT = ".report.json"
MEASURED_KEYS = {"latency", "versions", "seconds", "epoch_seconds", "added_bytes"}
MEASURED_NOTES = ("no speed on this machine", "no slower", "time in LiteRT")  # in notes that follow from times
COMPARED = ("exit", "stderr", "artifacts", "reports", "answer")
MOST_SHOWN = 8  # differences of one command

CNN, MLP = "digits-cnn.keras", "digits-mlp.keras"

Json = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One command line, by a name.

    `takes` names commands whose artifacts are copied into its folder first. `given` are paths below FOLDER that are
    copied there, too; `{data}` in the line is the folder of the data. Sample models, `texts.txt` and the arrays of
    `ARRAYS` are put there if the line names them.
    """

    name: str
    line: str
    takes: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def words(self, data: Path | None) -> list[str]:
        """What follows `tfopt`."""
        return [word.replace("{data}", str(data)) for word in shlex.split(self.line)]


def _digits() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 17, (8, 8, 8, 1)).astype(np.float32)


def _steps() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((120, 3)).astype(np.float32)


def _frames() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((64, 49, 10, 1)).astype(np.float32)


ARRAYS = {"digits.npy": _digits, "steps.npy": _steps, "frames.npy": _frames}
TEXTS = "the staff was not friendly\na lovely room\n"

README = (
    Command("readme-train", "train --distributed --epochs 3"),
    Command("readme-prune", "prune model.keras --sparsity 0.5 --epochs 2", ("readme-train",)),
    Command("readme-quantize", "quantize --int8", ("readme-train", "readme-prune")),
)
TRAIN = (
    Command("train", "train --epochs 3"),
    Command("train-mlp", "train --arch mlp --epochs 3 --seed 1"),
    Command("train-residual", "train --arch cnn --residual --blocks 2 --epochs 2 -o res.keras"),
    Command("train-mobilenet", "train --arch mobilenet --size tiny --epochs 1"),
    Command(
        "train-options",
        "train --size tiny --epochs 2 --augment crop,rotate --decay cosine --warmup 0.1 --label-smoothing 0.1"
        " --class-weights --weight-decay 0.01 --clip-norm 1",
    ),
    Command("train-mixup", "train --size tiny --epochs 2 --augment noise,mixup --l1 1e-5 --l2 1e-4 --decay plateau"),
    Command("train-bfloat16", "train --size tiny --epochs 2 --mixed-precision --batch-size 32"),
    Command("train-replicas", "train --size tiny --distributed --replicas 2 --epochs 2"),
    Command("train-workers", "train --size tiny --workers 2 --epochs 2"),
    Command("train-from", f"train --from {CNN} --epochs 2 --fine-tune 1"),
    Command("train-features", "train --data diabetes --epochs 3"),
    Command("train-series", "train --data waves --arch rnn --size tiny --epochs 2 -o waves.keras"),
    Command("train-gru", "train --data waves --arch rnn --cell gru --bidirectional --size tiny --epochs 1"),
    Command("train-hybrid", "train --data waves --arch hybrid --parts rnn+attention --size tiny --epochs 1"),
    Command("train-texts", "train --data phrases --size tiny --epochs 2 -o phrases.keras"),
    Command("train-transformer", "train --data phrases --arch transformer --size tiny --epochs 1 -o attention.keras"),
    Command("train-pairs", "train --data numbers --size tiny --epochs 1 -o numbers.keras"),
    Command("tune", "tune --trials 3 --epochs 2"),
    Command("tune-random", "tune --arch any --search random --trials 2 --epochs 1 --seed 3"),
    Command("build", "build"),
    Command("build-hybrid", "build --arch hybrid --parts rnn+attention --data phrases"),
    Command("build-residual", "build --arch cnn --residual --blocks 2 --size base"),
)
PRUNE = (
    Command("prune", f"prune {CNN} --epochs 2"),
    Command("prune-global", f"prune {CNN} --sparsity 0.7 --scope global --epochs 2"),
    Command("prune-2:4", f"prune {CNN} --pattern 2:4 --epochs 2"),
    Command("prune-block", f"prune {MLP} --pattern block:1x4 --epochs 2"),
    Command("prune-one-shot", f"prune {CNN} --sparsity 0.3 --schedule one-shot"),
    Command("prune-constant", f"prune {CNN} --schedule constant --exclude classes --epochs 1"),
    Command("prune-tfmot", f"prune {CNN} --engine tfmot --epochs 2"),
    Command("prune-teacher", f"prune {CNN} --sparsity 0.8 --teacher self --epochs 2"),
    Command("prune-replicas", f"prune {MLP} --distributed --replicas 2 --epochs 1"),
    Command("prune-much", f"prune {MLP} --sparsity 0.9 --epochs 2"),
    Command("filters", f"prune {CNN} --structured filters --amount 0.5 --epochs 2"),
    Command(
        "filters-target",
        f"prune {CNN} --structured auto --target-macs 0.5 --importance taylor --iterative 2 --epochs 2",
    ),
    Command(
        "filters-global",
        f"prune {CNN} --structured filters --scope global --importance bn-scale --round-to 4 --teacher self --epochs 1",
    ),
    Command("units", f"prune {MLP} --structured units --target-params 0.5 --importance activation --epochs 1"),
    Command(
        "heads",
        "prune attention.keras --structured auto --amount 0.5 --importance random --epochs 1",
        ("train-transformer",),
    ),
    Command("filters-residual", "prune res.keras --structured filters --amount 0.25 --epochs 1", ("train-residual",)),
    Command("blocks", "prune res.keras --structured layers --amount 0.5 --epochs 1", ("train-residual",)),
    Command("prune-series", "prune waves.keras --sparsity 0.5 --epochs 1", ("train-series",)),
    Command("prune-texts", "prune phrases.keras --sparsity 0.5 --epochs 1", ("train-texts",)),
)
CLUSTER = (
    Command("cluster", f"cluster {CNN} --clusters 16 --per layer --epochs 2"),
    Command("cluster-channel", f"cluster {CNN} --clusters 4 --per channel --init density --epochs 1"),
    Command("cluster-pruned", "cluster digits-cnn-pruned.keras --epochs 1", ("prune",)),
    Command("cluster-teacher", f"cluster {MLP} --init linear --teacher self --epochs 1"),
)
QUANTIZE = (
    Command("int8", f"quantize {CNN} --int8"),
    Command("int8-mlp", f"quantize {MLP} --int8 --calibration 50"),
    Command("int8-int4", f"quantize {CNN} --int8 --weights int4 --algorithm octav"),
    Command("int8-io", f"quantize {CNN} --int8 --io int8 --batch 1 --emit c"),
    Command("int8-drop", f"quantize {CNN} --int8 --max-drop 0.1%"),
    Command("int4-drop", f"quantize {CNN} --weights int4 --max-drop 0.1%"),
    Command("int16", f"quantize {CNN} --int16"),
    Command("float16", f"quantize {CNN} --float16"),
    Command("dynamic", f"quantize {CNN} --dynamic"),
    Command("weights-int4", f"quantize {CNN} --weights int4"),
    Command("weights-int2", f"quantize {MLP} --weights int2"),
    Command("mse", f"quantize {CNN} --weights int4 --algorithm mse"),
    Command("gptq", f"quantize {MLP} --dynamic --weights int4 --algorithm gptq"),
    Command("block", f"quantize {MLP} --dynamic --weights int4 --block 32"),
    Command("int8-residual", "quantize res.keras --int8", ("train-residual",)),
    Command("int8-series", "quantize waves.keras --int8", ("train-series",)),
    Command("int8-texts", "quantize phrases.keras --int8", ("train-texts",)),
    Command("dynamic-pairs", "quantize numbers.keras --dynamic", ("train-pairs",)),
    Command("qat", f"quantize {CNN} --qat --epochs 2"),
    Command("qat-4", f"quantize {CNN} --qat --bits 4 --epochs 2"),
    Command(
        "qat-kept",
        "quantize digits-cnn-pruned-clustered.keras --qat --teacher self --epochs 1",
        ("cluster-pruned",),
    ),
)
BINARIZE = (
    Command("binarize", f"binarize {CNN} --epochs 2"),
    Command("binarize-ternary", f"binarize {CNN} --post-training --mode ternary"),
    Command("binarize-all", f"binarize {MLP} --post-training --all-layers"),
    Command("binarize-activations", f"binarize {CNN} --activations --epochs 2"),
    Command("binarize-plain", f"binarize {MLP} --plain --mode ternary --epochs 2"),
)
OTHERS = (
    Command("distill", f"distill {CNN} --student mlp:tiny --epochs 2"),
    Command("distill-features", f"distill {CNN} --student cnn:tiny --features --temperature 2 --alpha 0.3 --epochs 2"),
    Command("distill-series", "distill waves.keras --student rnn:tiny --epochs 1", ("train-series",)),
    Command("convert", f"convert {CNN}"),
    Command("convert-sparse", "convert digits-mlp-pruned.keras", ("prune-much",)),
    Command("sparsify", "sparsify digits-mlp-pruned.keras", ("prune-much",)),
)
ANSWERS = (
    Command("evaluate", f"evaluate {CNN} --json"),
    Command("evaluate-tflite", "evaluate waves-int8.tflite --data waves --json", ("int8-series",)),
    Command("evaluate-pairs", "evaluate numbers.keras --json", ("train-pairs",)),
    Command(
        "compare",
        f"compare {CNN} digits-cnn-pruned.keras digits-cnn-int8.tflite --max-drop 1% --json",
        ("prune", "int8"),
    ),
    Command("debug", f"debug {CNN} --json"),
    Command("debug-int4", f"debug {MLP} --dynamic --weights int4 --json"),
    Command("debug-structured", f"debug {CNN} --structured --json"),
    Command("inspect", f"inspect {CNN} --json"),
    Command("inspect-series", "inspect waves.keras --json", ("train-series",)),
    Command("inspect-tflite", "inspect digits-cnn-int8.tflite --json", ("int8",)),
    Command("predict-texts", "predict phrases.keras --file texts.txt --json", ("train-texts",)),
    Command("predict-digits", f"predict digits-cnn-int8.tflite --like {CNN} --file digits.npy --json", ("int8",)),
    Command("predict-series", "predict waves.keras --file steps.npy --json", ("train-series",)),
)
REAL = {  # by a name: the model, what its data are, and what takes the place of training where there are none
    "resnet8": ("mlperf_tiny/tiny_resnet8_cifar10.h5", "--data {data}/cifar10_jpeg_small.npz --scale none"),
    "sms": ("sms/daksh_sms.h5", "--data {data}/sms_tok5000_len100.npz --scale none"),
    "elec": ("keras3/elec_gru.keras", "--data {data}/elec_windows.npz --scale none"),
    "kws": ("mlperf_tiny/tiny_kws_dscnn_savedmodel", ""),
}
OF_REAL = {  # what is done with each; `own` are its data, `training` and `fed` what follows from them
    "convert": "convert {model} out.keras",
    "prune": "prune {model} --sparsity 0.5 -o out.keras {training}",
    "filters": "prune {model} --structured filters --amount 0.25 -o out.keras {training}",
    "units": "prune {model} --structured auto --amount 0.25 -o out.keras {training}",
    "cluster": "cluster {model} -o out.keras {training}",
    "int8": "quantize {model} --int8 -o out.tflite {fed}",
    "binarize": "binarize {model} --post-training -o out.keras {own}",
}
NOT_TRIED = ("elec-convert", "resnet8-units", "kws-units")  # a .keras file already, and models that have filters


def commands(*, real: bool) -> list[Command]:
    """All commands, those that others take something from before these."""
    found = [*README, *TRAIN, *PRUNE, *CLUSTER, *QUANTIZE, *BINARIZE, *OTHERS, *ANSWERS]
    return [*found, *_of_real_models()] if real else found


def _of_real_models() -> Iterator[Command]:
    for name, (path, data) in REAL.items():
        for technique, line in OF_REAL.items():
            if f"{name}-{technique}" not in NOT_TRIED:
                filled = line.format(
                    model=Path(path).name,
                    own=data,
                    training=f"{data} --epochs 1" if data else "",
                    fed=data or "--calibration frames.npy",
                )
                yield Command(f"{name}-{technique}", filled.strip(), given=(f"models/{path}",))


def chosen(found: Sequence[Command], patterns: Sequence[str] | None) -> list[Command]:
    """The commands that a pattern names, and those that they take something from."""
    if patterns is None:
        return list(found)
    wanted = {command.name for command in found if _named(command.name, patterns)}
    for command in reversed(found):
        if command.name in wanted:
            wanted |= set(command.takes)
    return [command for command in found if command.name in wanted]


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


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
    names = [name for name in names if patterns is None or _named(name, patterns)]
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
