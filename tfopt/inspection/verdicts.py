"""What each technique would do with each layer, as its own code decides it: nothing is changed, nothing is trained."""

from collections.abc import Callable, Iterator
from functools import partial

from tfopt.conversion.convert import convert
from tfopt.errors import TfoptError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.legacy.bridge import cross
from tfopt.graph.layer_names import leaves
from tfopt.graph.model_copy import rebuilt
from tfopt.graph.random_inputs import samples
from tfopt.report.inspection import Technique, Verdict
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.binarization.config import BinarizeConfig
from tfopt.techniques.binarization.layer_plan import plan
from tfopt.techniques.clustering.cluster import large_enough
from tfopt.techniques.clustering.config import ClusterConfig
from tfopt.techniques.kernel_selection import targets
from tfopt.techniques.qat import tfmot
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import layer_changes
from tfopt.techniques.quantization.post_training import Judge, Start, choose

SAMPLES = 8
Found = dict[str, Verdict]


def verdicts(
    artifact: KerasArtifact, progress: Progress, *, int8: bool
) -> tuple[dict[str, dict[Technique, Verdict]], list[str]]:
    """For each layer with weights what each technique can do; and a note on each that can do nothing at all."""
    asked: dict[Technique, Callable[[], Found]] = {
        "prune": lambda: _pruned(artifact),
        "cluster": lambda: _clustered(artifact),
        "binarize": lambda: _binarized(artifact),
        "qat": lambda: _trained_for_int8(artifact),
    }
    if int8:
        asked["int8"] = lambda: _quantized(artifact, progress)
    names = [name for name, layer in leaves(artifact.model) if layer.weights]
    found: dict[str, dict[Technique, Verdict]] = {name: {} for name in names}
    notes = []
    with progress.task("asking the techniques", len(asked)) as advance:
        for technique, ask in asked.items():
            try:
                answers = ask()
            except TfoptError as error:
                notes.append(f"{technique}: {error}")
                answers = {}
            for name in names if answers else ():
                found[name][technique] = answers.get(name, Verdict(can=False, detail="it shares its weights"))
            advance(1, technique)
    return found, notes


def _skipped(changes: list[LayerChange]) -> Found:
    return {change.layer: Verdict(can=False, detail=change.detail) for change in changes}


def _pruned(artifact: KerasArtifact) -> Found:
    found, skipped = targets(artifact.model, None, artifact.name)
    return {**{target.layer: Verdict(can=True, detail="its kernels") for target in found}, **_skipped(skipped)}


def _clustered(artifact: KerasArtifact) -> Found:
    config = ClusterConfig()
    found, skipped = targets(artifact.model, None, artifact.name)
    large, small = large_enough(artifact.model, found, config)
    can = {target.layer: Verdict(can=True, detail=f"{config.clusters} distinct values") for target in large}
    return {**can, **_skipped(skipped), **_skipped(small)}


def _binarized(artifact: KerasArtifact) -> Found:
    nested = {name.replace("/", "_"): name for name, _ in leaves(artifact.model)}
    chosen = plan(rebuilt(artifact.model, artifact.name), BinarizeConfig(), artifact.name, nested)

    def judged() -> Iterator[tuple[str, Verdict]]:
        for name in chosen.binarized:
            yield name, Verdict(can=True, detail="a sign a weight and a scale a channel")
        for name, why in chosen.why_int8.items():
            yield name, Verdict(can=True, detail=f"8 bits: {why}")
        for name, why in chosen.skipped.items():
            yield name, Verdict(can=False, detail=why)

    return {nested.get(name, name): verdict for name, verdict in judged()}


def _trained_for_int8(artifact: KerasArtifact) -> Found:
    aware = tfmot.quantization_aware(cross(artifact.model, artifact.name, partial(tfmot.unsupported, bits=8)))
    covered = Verdict(can=True, detail="trained with simulated integers")
    return {
        name: Verdict(can=False, detail=aware.left_float[name]) if name in aware.left_float else covered
        for name, layer in leaves(artifact.model)
        if layer.weights
    }


def _quantized(artifact: KerasArtifact, progress: Progress) -> Found:
    """What the file says that `tfopt quantize --int8` would write, with ranges from random samples."""
    arrays = [tensor.numpy() for tensor in samples(artifact.model, batch=SAMPLES)]
    made = convert(artifact, progress, static="int8", calibration=arrays)
    feeds = dict(zip(made.inputs, arrays, strict=True))
    file, _ = choose(Start(made, feeds, Judge(made, None, feeds), []), QuantizeConfig(), progress)
    return {
        change.layer: Verdict(can=change.action != "skipped", detail=_fate(change))
        for change in layer_changes(made.model, file.payload)
    }


def _fate(change: LayerChange) -> str:
    return f"folded {change.detail}" if change.action == "folded" else change.detail
