"""What is left of the accuracy when structures leave, against the original trained for as many steps more.

    python benchmarks/structured.py SECTION [DATA MODEL]

Sections: digits, fashion (DATA, the .npz file), resnet8 (DATA, MODEL), sequences, blocks. Everything is chosen on
validation splits; each line has the accuracy on the test split with its 95 % interval.
"""

import sys
from pathlib import Path

from tfopt import DataConfig, StructuredConfig, TrainConfig, prune, train
from tfopt.config.choices import Augmentation, Importance, Structure
from tfopt.conversion.convert import convert
from tfopt.core.provenance import load_dataset
from tfopt.data.dataset import Dataset
from tfopt.evaluation.latency import interleaved, latency_change
from tfopt.evaluation.measurement import measure
from tfopt.formats.artifact import Artifact
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.loading import load_keras
from tfopt.runtime.progress import Silent

CURVE: tuple[Importance, ...] = ("l2", "taylor", "random")


def main() -> int:
    section, *files = sys.argv[1:]
    match section:
        case "digits":
            curve(train(TrainConfig(arch="cnn"), "digits").artifact, load_dataset("digits", None, Silent()), 20)
        case "fashion":
            data = load_dataset(DataConfig(source=files[0]), None, Silent())
            curve(train(TrainConfig(arch="cnn", epochs=8), data).artifact, data, 5)
        case "resnet8":
            data = load_dataset(DataConfig(source=files[0], scale="none"), None, Silent())
            curve(load_keras(Path(files[1])), data, 40, targets=(0.5,), augment=("flip", "crop"))
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
    targets: tuple[float, ...] = (0.5, 0.25),
    augment: tuple[Augmentation, ...] = (),
) -> None:
    """The original as it is and after as many epochs more, and smaller models by three measures of importance."""
    say("original", artifact, artifact, data)
    control = None
    for target in targets:
        for importance in CURVE:
            config = StructuredConfig(
                target_macs=target, importance=importance, epochs=epochs, augment=augment, control=control is None
            )
            result = prune(artifact, config, data)
            if control is None:
                control = result.control
                say(f"original, {epochs} epochs more", artifact, control, data)
            say(f"target {target:g}, {importance}", artifact, result.artifact, data)


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
