"""Quantization starts from the float file, samples to calibrate on, and weights of few bits rounded by these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod

import keras
import numpy as np

from tfopt.conversion.convert import FloatFile, convert, for_inference
from tfopt.core.context import Context
from tfopt.data.calibration import InputSpec, load_calibration
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, UnsupportedError
from tfopt.evaluation.evaluator import Evaluator, Reference
from tfopt.evaluation.limits import Limit
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.batch_norm_folding import fold_batch_norms
from tfopt.graph.dense_lowering import lower_to_dense, pays_as_dense
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import inputs_of
from tfopt.graph.replay import is_graph
from tfopt.report.schema import GateResult, LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.layer_changes import layer_changes, named_as_in
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.mixed_bits import MixedBits, budget_gate, explained, round_within_budget
from tfopt.techniques.quantization.rounded_file import Rounding
from tfopt.techniques.quantization.sensitivity import Budget, LayerOperations, layers_of
from tfopt.techniques.quantization.variant import Variant
from tfopt.techniques.quantization.widths import plan_widths
from tfopt.techniques.rounding.side_by_side import MOST_SAMPLES
from tfopt.typing import Array


@dataclass(frozen=True)
class Prepared:
    """Holds what quantization starts from.

    Attributes:
        made: The float file.
        feeds: Samples to calibrate on, an array (N, ...) by the name of each input.
        reference: The float file on the validation split, or on those samples where there are no data.
        notes: Sentences for the report.
        rounding: Makes the files, if weights are rounded by what each layer is fed.
        mixed: What bits cost, if they are chosen within a budget.
        clipped: Whether ranges of activations are clipped to the least squared error; that is settled by trying.
        folded: Normalizations that are gone from the model of `made`, each with the layer that took it.
    """

    made: FloatFile
    feeds: dict[str, Array]
    reference: Reference
    notes: list[str]
    rounding: Rounding | None = None
    mixed: MixedBits | None = None
    clipped: bool = False
    folded: Mapping[str, str] = field(default_factory=dict)

    def files(
        self, config: QuantizeConfig, progress: Progress, spared: Sequence[Sequence[LayerOperations]] = ((),)
    ) -> list[TfliteArtifact]:
        """Quantize, once for each list of layers that are spared: left in float, or kept at 8 bits of fewer."""
        if self.rounding:
            names = [[layer.name for layer in layers] for layers in spared]
            return [self.rounding.files(self.feeds, progress, [self.clipped], kept)[0] for kept in names]
        variants = [Variant([i for layer in layers for i in layer.ids], clipped=self.clipped) for layers in spared]
        return quantize_files(self.made.artifact, config, self.feeds, progress, variants)

    def settled(self, config: QuantizeConfig, progress: Progress) -> tuple["Prepared", TfliteArtifact, list[str]]:
        """Quantize with whole and, where activations have 8 bits, with clipped ranges, and keep to the better.

        Returns:
            What is prepared for further files, the better file, and a note on the choice.
        """
        ways = (False, True) if config.precision == "int8" else (False,)
        if self.rounding:
            files = self.rounding.files(self.feeds, progress, ways)
        else:
            variants = [Variant(clipped=clipped) for clipped in ways]
            files = quantize_files(self.made.artifact, config, self.feeds, progress, variants)
        if len(files) == 1:
            return self, files[0], []
        named = dict(zip(("whole", "clipped"), files, strict=True))
        best, errors = closest(named, self.reference)
        told = " and ".join(f"{errors[name]:.2g} with {name} ranges of activations" for name in named)
        note = f"{best} ranges of activations: the error of the output is {told}, on {self.reference.evaluator.name}"
        return replace(self, clipped=best == "clipped"), named[best], [note]

    def budget(self, config: QuantizeConfig, limit: Limit) -> Budget:
        """Return what is to be kept to if no more than `limit` may be lost."""

        def make(spared: Sequence[LayerOperations], progress: Progress) -> TfliteArtifact:
            [artifact] = self.files(config, progress, [spared])
            return artifact

        found = layers_of(self.made.model, self.made.artifact)
        if config.few:  # only a kernel can have 8 bits instead of fewer
            found = [layer for layer in found if any(len(c.shape) > 1 for o in layer.operations for c in o.constants)]
        if self.rounding:
            found = [layer for layer in found if layer.name in self.rounding.widths.few]
        how = "8 bits" if config.few else "float"
        return Budget(found, self.made.artifact, make, self.reference, limit, how)

    def remarks(self, file: TfliteArtifact) -> list[str]:
        """Return what is to be said of a file that was made of these."""
        return self.rounding.remarks(file) if self.rounding else []

    def held(self, config: QuantizeConfig, file: TfliteArtifact) -> tuple[list[GateResult], list[str]]:
        """Hold a file to the budget that its bits were chosen within, if there is one, and say what there is to say."""
        if not self.mixed or not self.rounding:
            return [], []
        gate, notes = budget_gate(self.mixed, self.rounding, config, file)
        return [gate], notes

    def layers(self, artifact: KerasArtifact, file: TfliteArtifact) -> list[LayerChange]:
        """Return what became of each layer of the model that was given, in its order."""
        found = layer_changes(self.made.model, file.payload)
        if self.rounding and self.mixed:
            found = [explained(change, self.rounding.widths) for change in found]
        changes = [named_as_in(artifact.model, change) for change in found]
        told = {change.layer: change for change in changes}
        flat = {name.replace("/", "_"): name for name, _ in named_layers(artifact.model)}
        kinds = dict(named_layers(artifact.model))
        for name, into in self.folded.items():
            told[name] = LayerChange(
                layer=name,
                kind=type(kinds[name]).__name__,
                action="folded",
                detail=f"into {flat.get(into, into)}",
                weights=sum(prod(weight.shape) for weight in kinds[name].weights),
            )
        order = {name: number for number, name in enumerate(kinds)}
        return sorted(told.values(), key=lambda change: order.get(change.layer, len(order)))


def closest(files: Mapping[str, TfliteArtifact], reference: Reference) -> tuple[str, dict[str, float]]:
    """Choose of files that lose no more than the best the one whose outputs are nearest to the float file's.

    Returns:
        Its name, and the error of each.
    """
    errors = {name: reference.error(file) for name, file in files.items()}
    drops = {name: reference.drop(file) for name, file in files.items()}
    right = [name for name in files if drops[name] <= min(drops.values()) + reference.evaluator.tolerance]
    return min(right, key=lambda name: errors[name]), errors


def prepare(artifact: KerasArtifact, config: QuantizeConfig, context: Context) -> Prepared:
    """Convert `artifact` to the float file, gather what it is calibrated on, and round weights of few bits."""
    arrays, notes = _samples(artifact, config, context.data)
    to_round, remarks = _to_round(artifact, config, arrays)
    own = config.static and not config.few and config.algorithm in ("auto", "minmax")
    source, folded = to_round or (artifact, {})
    nested = {name.replace("/", "_"): name for name, _ in named_layers(artifact.model)}
    source, dense = _with_kernels_for_few_bits(source, config, nested)
    made = convert(
        source,
        context.progress,
        config,
        static=config.precision if own else None,  # type: ignore[arg-type]
        io=config.io,
        calibration=arrays,
    )
    feeds = dict(zip(made.inputs, arrays, strict=True)) if arrays else {}
    evaluator = context.evaluator or Evaluator.without_labels(list(feeds.values()), "the calibration samples")
    rounding, mixed = None, None
    if to_round:
        samples = _more(arrays, context.data) if config.calibration is None else arrays
        make = partial(Rounding.of, made.model, artifact.name, samples, config, evaluator, nested, context.progress)
        if config.budgeted:
            mixed = MixedBits.measured(made.model, config, samples, context.progress, context.tables)
            rounding, told = round_within_budget(mixed, make, made, config, feeds, context.progress)
            remarks += told
        else:
            rounding = make(plan_widths(made.model, config.weights, config.precision, keep_ends=config.keep_first_last))
        remarks += rounding.notes()
    told = notes + dense + made.notes + remarks
    return Prepared(made, feeds, evaluator.against(made.artifact), told, rounding, mixed=mixed, folded=folded)


def measure_bits(artifact: KerasArtifact, config: QuantizeConfig, context: Context) -> MixedBits:
    """Measure what the bits of each kernel cost, as for the budget of `config`; no file is made.

    Raises:
        UnsupportedError: If bits cannot be chosen for this model.
    """
    arrays, _ = _samples(artifact, config, context.data)
    to_round, _ = _to_round(artifact, config, arrays)
    assert to_round, "a budget is refused if weights cannot be rounded"
    nested = {name.replace("/", "_"): name for name, _ in named_layers(artifact.model)}
    source, _ = _with_kernels_for_few_bits(to_round[0], config, nested)
    samples = _more(arrays, context.data) if config.calibration is None else arrays
    return MixedBits.measured(source.model, config, samples, context.progress, context.tables)


def _to_round(
    artifact: KerasArtifact, config: QuantizeConfig, arrays: Sequence[Array]
) -> tuple[tuple[KerasArtifact, dict[str, str]] | None, list[str]]:
    """Return the model whose weights are rounded by what its layers are fed, and its folded normalizations.

    It is None, with a note on the reason, if weights are rounded otherwise.
    """
    if not config.rounds:
        return None, []
    if not is_graph(artifact.model):
        reason = "the graph of the model is not known"
    elif not arrays:
        reason = "there are no samples to round them by: `data` or `calibration` gives some"
    else:
        try:
            return _folded(artifact), []
        except UnsupportedError as error:
            reason = str(error)
    if config.algorithm == "sequential":
        raise UnsupportedError(f"{artifact.name} cannot be rounded by `algorithm` sequential: {reason}")
    if config.budgeted:
        raise UnsupportedError(f"bits cannot be chosen for {artifact.name}: {reason}")
    return None, [f"weights are rounded to nearest, by the largest of a channel, because {reason}"]


def _folded(artifact: KerasArtifact) -> tuple[KerasArtifact, dict[str, str]]:
    """Return the model in single precision without the normalizations that can be folded."""
    source, _ = for_inference(artifact)
    model, pairs = fold_batch_norms(source.model, artifact.name)
    return KerasArtifact.from_model(model, artifact.name), pairs


def _with_kernels_for_few_bits(
    artifact: KerasArtifact, config: QuantizeConfig, nested: Mapping[str, str]
) -> tuple[KerasArtifact, list[str]]:
    """The model, with those convolutions as dense layers that LiteRT computes better so; and a note on these."""
    wanted, why = better_as_dense(config)
    if not wanted or not is_graph(artifact.model):
        return artifact, []
    dense = [nested.get(name, name) for name, layer in named_layers(artifact.model) if wanted(layer)]
    if not dense:
        return artifact, []
    lowered = KerasArtifact.from_model(lower_to_dense(artifact.model, artifact.name, wanted), artifact.name)
    return lowered, [f"convolutions as dense layers on patches, {why}: {', '.join(dense)}"]


def better_as_dense(config: QuantizeConfig) -> tuple[Callable[[keras.Layer], bool] | None, str]:
    """Return what tells the convolutions that become dense layers on patches, if any do, and why."""
    if config.precision == "dynamic" and config.weights != "int8":
        return pays_as_dense, "faster in LiteRT with few bits"
    return None, ""


def _samples(artifact: KerasArtifact, config: QuantizeConfig, data: Dataset | None) -> tuple[list[Array], list[str]]:
    if not config.calibrated and not config.rounds:
        if config.calibration is not None:
            raise InputError(f"`calibration` is of no use with {config.name}: it needs no samples")
        return [], []
    names = [tensor.name for tensor in inputs_of(artifact.model)]
    inputs = [InputSpec(*parts) for parts in zip(names, artifact.input_shapes(), artifact.input_types(), strict=True)]
    found = load_calibration(config.calibration, inputs, data, artifact.provenance, artifact.name)
    if not found.arrays and config.calibrated:
        raise nothing_to_calibrate_on(artifact.name, config)
    return found.arrays, list(found.notes) if config.static else []


def _more(arrays: list[Array], data: Dataset | None) -> list[Array]:
    """Return the calibration split and as much of the training split as rounding looks at."""
    missing = MOST_SAMPLES - len(arrays[0])
    if data is None or missing <= 0:
        return arrays
    more = data.train.sample(missing).inputs
    return [np.concatenate([own, np.asarray(x, own.dtype)]) for own, x in zip(arrays, more, strict=True)]


def nothing_to_calibrate_on(name: str, config: QuantizeConfig) -> InputError:
    """Return what is said where there are no samples and some are needed."""
    return InputError(
        f"{config.name} must be calibrated and {name} does not say which data it was trained on: give `data` NAME,"
        " `data` FILE.npz or `calibration` FILE, or use `precision` dynamic or float16, which need none"
    )
