"""`tfopt optimize` beside the policies of other tools, and killed at random moments.

    python benchmarks/optimize.py policies ../shared [NAME ...]
    python benchmarks/optimize.py kills MODEL.keras [TIMES]

`policies` holds all to a point of accuracy on the same validation split, with the same rounding and the same files;
what they choose is then measured once on the test split:

- first: Neural Compressor's, which ends at the first configuration that passes, from the fewest bits on;
- revert: NNCF's accuracy control, which has all layers in 4 bits and reverts the worst to 8, one after the other;
- score: ModelOpt's, which spends a mean of bits by the scores of layers, and here the least mean that passes;
- optimize: `tfopt optimize` without training.

`kills` ends a search by SIGKILL at random moments and resumes it, until it is done; the bytes are those of a search
that nobody disturbed.
"""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import keras
from few_bits import Subject, subjects

import tfopt
from tfopt.core.context import Context
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.packing import packed_size
from tfopt.runtime.progress import Silent
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.mixed_bits import MixedBits
from tfopt.techniques.quantization.preparation import Prepared, prepare
from tfopt.techniques.quantization.rounded_file import Rounding
from tfopt.techniques.quantization.widths import Widths
from tfopt.techniques.rounding.levels import Levels, Place

MOST = 0.01  # points of accuracy on the validation split
MEANS = (3.2, 4.0, 4.8, 5.6, 6.4, 8.0)


@dataclass
class Files:
    """Makes files of a model with any bits for each kernel, and counts them."""

    subject: Subject
    prepared: Prepared
    mixed: MixedBits
    made: int = 0
    known: dict[tuple[Levels, ...], TfliteArtifact] = field(default_factory=dict)

    @classmethod
    def of(cls, subject: Subject) -> "Files":
        """Measure what bits cost, once for all policies."""
        config = QuantizeConfig(bits_budget=8)
        prepared = prepare(subject.artifact, config, Context.of(subject.data, Silent()))
        assert prepared.mixed
        return cls(subject, prepared, prepared.mixed)

    def file(self, levels: Mapping[Place, Levels]) -> TfliteArtifact:
        """Make a file, or return it if it was made before."""
        key = tuple(levels.values())
        self.made += 1
        if key not in self.known:
            config, prepared = QuantizeConfig(bits_budget=8), self.prepared
            assert prepared.rounding
            evaluator, widths = prepared.reference.evaluator, Widths(dict(levels), errors=self.mixed.errors)
            given = prepared.rounding
            rounding = Rounding.of(
                given.model, given.name, given.samples, config, evaluator, given.nested, Silent(), widths
            )
            _, self.known[key], _ = replace(prepared, rounding=rounding).settled(config, Silent())
        return self.known[key]

    def passes(self, file: TfliteArtifact) -> bool:
        """Tell whether a file loses no more than is allowed."""
        evaluator = Evaluator.on(self.subject.data.without_test(), "validation")
        return evaluator.drop(evaluator.judge(self.subject.artifact), evaluator.judge(file)) <= MOST

    def all_with(self, levels: Levels) -> dict[Place, Levels]:
        """Return the same levels for each kernel, the least that it may have."""
        order: tuple[Levels, ...] = ("int2", "int4", "int8")
        return {
            place: next(one for one in order[order.index(levels) :] if one in own)
            for place, own in self.mixed.errors.items()
        }


def first_that_passes(files: Files) -> TfliteArtifact:
    """Take the first configuration that passes, from the fewest bits on."""
    ends = [next(iter(files.mixed.errors)), list(files.mixed.errors)[-1]]
    kept: dict[Place, Levels] = dict.fromkeys(ends, "int8")
    for levels in (files.all_with("int2"), files.all_with("int2") | kept, files.all_with("int4")):
        if files.passes(files.file(levels)):
            return files.file(levels)
    with_ends = files.file(files.all_with("int4") | kept)
    return with_ends if files.passes(with_ends) else files.file(files.all_with("int8"))


def revert_the_worst(files: Files) -> TfliteArtifact:
    """Have all in 4 bits and revert the worst to 8 bits, one after the other, until it passes."""
    levels = files.all_with("int4")
    worst = sorted(levels, key=lambda place: -files.mixed.errors[place][levels[place]])
    for place in worst:
        if files.passes(files.file(levels)):
            break
        levels[place] = "int8"
    return files.file(levels)


def bits_by_score(files: Files) -> TfliteArtifact:
    """Spend the least mean of bits that passes by the scores of layers."""
    for mean in MEANS:
        file = files.file(files.mixed.of_mean(mean).levels)
        if files.passes(file):
            break
    return file


def optimized(files: Files) -> TfliteArtifact:
    """Search."""
    with tempfile.TemporaryDirectory() as folder:
        config = tfopt.OptimizeConfig(max_drop=MOST, finalists=0)
        where = tfopt.FolderConfig(output=Path(folder) / "run")
        found = tfopt.optimize(files.subject.artifact, config, files.subject.data, folder=where)
        files.made = sum(1 for _ in (where.output or Path()).glob("steps/*"))
    assert isinstance(found.artifact, TfliteArtifact)
    return found.artifact


POLICIES: dict[str, Callable[[Files], TfliteArtifact]] = {
    "first": first_that_passes,
    "revert": revert_the_worst,
    "score": bits_by_score,
    "optimize": optimized,
}


def policies(shared: Path, names: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each model and policy."""
    for subject in subjects(shared, names):
        files, test = Files.of(subject), Evaluator.on(subject.data, "test")
        before = test.judge(subject.artifact)
        for name, policy in POLICIES.items():
            files.made, start = 0, time.process_time()
            file = policy(files)
            loss = test.worsening(before, test.judge(file))
            yield (
                subject.name,
                name,
                f"{packed_size(file.payload):,}",
                f"{loss.value * 100:.2f} ({loss.low * 100:.2f} to {loss.high * 100:.2f})",
                str(files.made),
                f"{time.process_time() - start:.0f}",
            )


def kills(model: Path, times: int) -> None:
    """Kill a search at random moments, resume it, and compare what it ends with."""
    command = [sys.executable, "-m", "tfopt", "optimize", "model.keras", "--epochs", "2", "--finalists", "1", "--quiet"]
    with tempfile.TemporaryDirectory() as name:
        whole, killed = Path(name) / "whole", Path(name) / "killed"
        for folder in (whole, killed):
            folder.mkdir()
            shutil.copy(model, folder / "model.keras")
        start = time.monotonic()
        subprocess.run(command, cwd=whole, check=False)
        seconds = time.monotonic() - start
        rng, done = random.Random(0), 0
        for _ in range(times):
            process = subprocess.Popen([*command, "--resume"], cwd=killed)
            try:
                process.wait(rng.uniform(0, 1.2 * seconds / 4))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                done += 1
        subprocess.run([*command, "--resume"], cwd=killed, check=False)
        found = [{path.name: path.read_bytes() for path in _results(folder)} for folder in (whole, killed)]
        same = "the same" if found[0] == found[1] else "OTHER"
        print(f"{done} kills of a search of {seconds:.0f} s: {len(found[0])} files, {same} bytes")


def _results(folder: Path) -> list[Path]:
    return sorted((folder / "model-optimized").glob("*.tflite"))


def main() -> None:
    """Run one of the parts."""
    keras.utils.disable_interactive_logging()
    part, path, *rest = sys.argv[1:]
    if part == "kills":
        kills(Path(path), int(rest[0]) if rest else 25)
        return
    print("model | policy | bytes | points lost on test | files | seconds of processors")
    for row in policies(Path(path), rest):
        print(*row, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
