"""What is left of the accuracy when structures leave, against the original trained for as many steps more.

    [BARE=1] python benchmarks/structured.py SECTION [DATA MODEL]

Sections: digits (5 seeds), fashion (DATA, the .npz file), resnet8 (DATA, MODEL), weights (Fashion-MNIST, CIFAR-10,
ResNet-8: pruned in one shot), resnet50 (the time that it takes), sequences, blocks.
Everything is chosen on validation splits; each line has the accuracy on the test split with its 95 % interval. With
BARE nothing is fine-tuned.
"""

import os
import sys
import time
from pathlib import Path

import keras
import numpy as np

from tfopt import DataConfig, PruneConfig, StructuredConfig, TrainConfig, prune, train
from tfopt.config.choices import Augmentation, Importance, Structure
from tfopt.conversion.convert import convert
from tfopt.core.context import Context
from tfopt.core.provenance import load_dataset
from tfopt.data.dataset import Dataset, make_dataset
from tfopt.data.raw_data import RawData
from tfopt.evaluation.latency import interleaved, latency_change
from tfopt.evaluation.measurement import measure
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.runtime.progress import Silent
from tfopt.techniques.structured.candidates import candidates
from tfopt.techniques.structured.channel_pruning import make_smaller
from tfopt.techniques.structured.targets import goal_of

SEEDS = 5
CURVE: tuple[Importance, ...] = ("reconstruction", "l2", "taylor", "random")


def main() -> int:
    section, *files = sys.argv[1:]
    match section:
        case "digits":
            data = load_dataset("digits", None, Silent())
            for seed in range(SEEDS):
                curve(train(TrainConfig(arch="cnn", seed=seed), data).artifact, data, 20, seed)
        case "fashion":
            data = load_dataset(DataConfig(source=files[0]), None, Silent())
            curve(train(TrainConfig(arch="cnn", epochs=8), data).artifact, data, 5)
        case "resnet8":
            data = load_dataset(DataConfig(source=files[0], scale="none"), None, Silent())
            curve(load_keras(Path(files[1])), data, 40, targets=(0.48, 0.25), augment=("flip", "crop"))
        case "weights":
            weights(Path(files[0]), Path(files[1]), Path(files[2]))
        case "resnet50":
            resnet50()
        case "sequences":
            sequences()
        case "blocks":
            blocks()
        case _:
            print(__doc__)
            return 2
    return 0


def curve(
    artifact: KerasArtifact,
    data: Dataset,
    epochs: int,
    seed: int = 0,
    targets: tuple[float, ...] = (0.5, 0.25),
    augment: tuple[Augmentation, ...] = (),
) -> None:
    """The original as it is and after as many epochs more, and smaller models by measures of importance.

    Each smaller model is shown as it is cut, as it is repaired, and, unless `BARE` is set, fine-tuned.
    """
    say("original", artifact, artifact, data)
    tuned = "BARE" not in os.environ
    control = None
    for target in targets:
        for importance in CURVE:
            config = StructuredConfig(
                target_macs=target,
                importance=importance,
                epochs=epochs,
                augment=augment,
                seed=seed,
                control=tuned and control is None,
            )
            for repair in (False, True):
                small = one_shot(artifact, config.model_copy(update={"repair": repair}), data)
                say(f"{target:g}, {importance}, {'repaired' if repair else 'cut'}", artifact, small, data)
            if not tuned:
                continue
            result = prune(artifact, config, data)
            if control is None:
                control = result.control
                say(f"original, {epochs} epochs more", artifact, control, data)
            say(f"{target:g}, {importance}, fine-tuned", artifact, result.artifact, data)


def one_shot(artifact: KerasArtifact, config: StructuredConfig, data: Dataset) -> KerasArtifact:
    """The smaller model before it is fine-tuned."""
    context = Context.of(data, Silent())
    found = candidates(artifact.fresh_model(), config, context.data, artifact.name)
    goal = goal_of(config, artifact, found, Silent())
    return KerasArtifact.from_model(make_smaller(found, goal, 1, config, context).model, artifact.name)


def resnet50() -> None:
    """The time that choice and repair take of a ResNet50 at 64x64 with random statistics, on images that are noise."""
    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=10)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
    raw = RawData(rng.normal(size=(1200, 64, 64, 3)).astype("float32"), np.arange(1200) % 10, kind="image")
    data, config = make_dataset(raw, DataConfig()), StructuredConfig(target_macs=0.5)
    start = time.perf_counter()
    small = one_shot(KerasArtifact.from_model(model, "resnet50.keras"), config, data)
    print(f"{time.perf_counter() - start:.0f} s; {small.model.count_params():,} of {model.count_params():,} weights")


def weights(fashion: Path, cifar: Path, resnet8: Path) -> None:
    """Single weights pruned in one shot, by magnitude, of four models: as they are, and repaired."""
    digits = load_dataset("digits", None, Silent())
    clothes = load_dataset(DataConfig(source=str(fashion)), None, Silent())
    nets = {
        "digits cnn": (train(TrainConfig(arch="cnn"), digits).artifact, digits),
        "digits transformer": (train(TrainConfig(arch="transformer"), digits).artifact, digits),
        "Fashion-MNIST cnn": (train(TrainConfig(arch="cnn", epochs=8), clothes).artifact, clothes),
        "ResNet-8": (load_keras(resnet8), load_dataset(DataConfig(source=str(cifar), scale="none"), None, Silent())),
    }
    for name, (artifact, data) in nets.items():
        say(name, artifact, artifact, data)
        for sparsity in (0.5, 0.8):
            for repair in (False, True):
                config = PruneConfig(sparsity=sparsity, schedule="one-shot", repair=repair)
                pruned = prune(artifact, config, data).artifact
                say(f"{name}, {sparsity:g}, {'repaired' if repair else 'cut'}", artifact, pruned, data)


def sequences() -> None:
    """Recurrent nets and a transformer on digits: half of their units or heads, and their speed in LiteRT."""
    data = load_dataset("digits", None, Silent())
    nets: tuple[tuple[str, TrainConfig, Structure], ...] = (
        ("LSTM", TrainConfig(arch="rnn"), "units"),
        ("GRU", TrainConfig(arch="rnn", cell="gru"), "units"),
        ("transformer, units", TrainConfig(arch="transformer"), "units"),
        ("transformer, heads", TrainConfig(arch="transformer"), "heads"),
        ("transformer, both", TrainConfig(arch="transformer"), "auto"),
    )
    for name, config, structured in nets:
        artifact = train(config, data).artifact
        small = prune(artifact, StructuredConfig(structured=structured), data).artifact
        say(name, artifact, artifact, data)
        say(f"{name}, half", artifact, small, data)
        before, after = (convert(one, Silent()).artifact for one in (artifact, small))
        x = data.test.inputs[0][:1]
        times = interleaved([file.runner([x]) for file in (before, after)], lambda *_: None)
        ratio = latency_change("", times[:, 0], times[:, 1])
        size = len(after.payload) / len(before.payload)
        shown = f"{ratio.ratio:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        print(f"    LiteRT float: {shown} of the time, {size:.2f} of the bytes", flush=True)


def blocks() -> None:
    """Two of the blocks of a ResNet-20 leave."""
    data = load_dataset("digits", None, Silent())
    artifact = train(TrainConfig(arch="cnn", residual=True, blocks=3), data).artifact
    say("9 blocks", artifact, artifact, data)
    result = prune(artifact, StructuredConfig(structured="layers", amount=2 / 7, control=True), data)
    say("9 blocks, 20 epochs more", artifact, result.control, data)
    for change in result.report.layers:
        print(f"    {change.layer}: {change.action}, {change.detail}")
    say("7 blocks", artifact, result.artifact, data)


def say(name: str, original: Artifact, artifact: Artifact, data: Dataset) -> None:
    """Print parameters, MACs, and accuracy on the test split."""
    before, after = (one.measurement for one in measure([original, artifact], data, Silent(), timed=False))
    accuracy = after.accuracy
    assert accuracy is not None
    macs = (after.macs or 0) / (before.macs or 1)
    print(
        f"{name:32s} {after.parameters / before.parameters:6.3f} of parameters, {macs:6.3f} of MACs,"
        f" {accuracy.value:.2%} ({accuracy.low:.1%} to {accuracy.high:.1%}, {accuracy.correct} of {accuracy.total})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
