"""The engine of tfopt: it trains the Keras 3 model itself, each layer with a kernel, and writes trained integers."""

from math import prod

from tfopt.conversion.convert import convert
from tfopt.data.dataset import Dataset
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.batch_norm_folding import find_foldable
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import compile_like
from tfopt.graph.replay import is_graph
from tfopt.report.inspection import Verdict
from tfopt.report.schema import LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.qat.bit_widths import BitWidths, choose_bit_widths
from tfopt.techniques.qat.config import QatConfig
from tfopt.techniques.qat.emission import Emitted, emit_file
from tfopt.techniques.qat.made import Made
from tfopt.techniques.qat.training import MOST_SAMPLES, train_rounded
from tfopt.techniques.quantization.layer_changes import layer_changes, named_as_in


def make(artifact: KerasArtifact, config: QatConfig, data: Dataset, progress: Progress) -> Made:
    """Train a copy of a model and write it as a file of integers."""
    chosen = choose_bit_widths(artifact.model, config, artifact.name)
    trained = train_rounded(artifact, chosen.bits, config, data, progress)
    emitted = emit_file(trained, artifact.name, data.calibration.sample(MOST_SAMPLES).inputs, config, progress)
    model = KerasArtifact.from_model(compile_like(artifact.model, trained.model), artifact.name)
    return Made(
        model,
        emitted.file,
        convert(artifact, progress, config),
        _changes(artifact, chosen, emitted),
        [*trained.notes, *emitted.notes, *emitted.source.notes],
        trained.history,
        trained.how,
    )


def _changes(artifact: KerasArtifact, chosen: BitWidths, emitted: Emitted) -> list[LayerChange]:
    """Return what became of each layer, as the file tells, and how many bits it was trained for."""
    found = {
        change.layer: change
        for change in (
            named_as_in(artifact.model, one) for one in layer_changes(emitted.source.model, emitted.file.payload)
        )
    }
    folded = {one.replace("/", "_"): into for one, into in emitted.folded.items()}
    changes = []
    for name, layer in named_layers(artifact.model):
        count = sum(prod(weight.shape) for weight in layer.weights)
        kind = type(layer).__name__
        if name in found:
            changes.append(_with_bits(found[name], chosen, exact=name in emitted.exact))
        elif name.replace("/", "_") in folded:
            detail = f"into the weights of {folded[name.replace('/', '_')]}"
            changes.append(LayerChange(layer=name, kind=kind, action="folded", detail=detail, weights=count))
        elif name in emitted.exact:  # of a class of its own, whose layers have other names in the file
            detail = f"trained for {chosen.bits[name]} bits; its integers are in the file"
            changes.append(LayerChange(layer=name, kind=kind, action="quantized", detail=detail, weights=count))
        elif count:
            detail = "not found under its name in the file"
            changes.append(LayerChange(layer=name, kind=kind, action="skipped", detail=detail, weights=count))
    return changes


def _with_bits(change: LayerChange, chosen: BitWidths, *, exact: bool) -> LayerChange:
    bits = chosen.bits.get(change.layer)
    if bits is None or change.action != "quantized":
        return change
    why = f" ({chosen.why[change.layer]})" if change.layer in chosen.why else ""
    how = f"trained for {bits} bits{why}" if exact else f"trained for {bits} bits{why}, rounded anew in the file"
    return change.model_copy(update={"detail": f"{how}; {change.detail}"})


def planned_layers(artifact: KerasArtifact, config: QatConfig) -> dict[str, Verdict]:
    """Say how many bits the weights of each layer are trained for."""
    chosen = choose_bit_widths(artifact.model, config, artifact.name)
    folded = find_foldable(artifact.model) if is_graph(artifact.model) else {}
    found = {}
    for name, bits in chosen.bits.items():
        why = f" ({chosen.why[name]})" if name in chosen.why else ""
        found[name] = Verdict(can=True, detail=f"trained with weights of {bits} bits{why} and 8-bit activations")
    for name, reason in chosen.skipped.items():
        into = folded.get(name)
        found[name] = Verdict(can=into is not None, detail=f"folded into {into}" if into else reason)
    return found
