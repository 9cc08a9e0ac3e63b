"""The commands whose bytes `same_bytes.py` compares: the README, every technique on the samples, and real models."""

import fnmatch
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CNN, MLP = "digits-cnn.keras", "digits-mlp.keras"


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
    Command("qat-4", f"quantize {CNN} --qat --weights int4 --epochs 2"),
    Command(
        "qat-kept",
        "quantize digits-cnn-pruned-clustered.keras --qat --epochs 1",
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
    wanted = {command.name for command in found if named(command.name, patterns)}
    for command in reversed(found):
        if command.name in wanted:
            wanted |= set(command.takes)
    return [command for command in found if command.name in wanted]


def named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
