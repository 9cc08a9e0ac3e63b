"""A file of few bits whose weights were rounded in Keras, layer after layer, by what each is fed.

Normalizations are folded first, then the kernels are rounded (`tfopt.techniques.rounding`); what comes out is converted
and quantized as any model, and the integers that were chosen are put into the file. A file is run before it is
believed: a layer that LiteRT computes otherwise than its weights say is stored in 8 bits.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import keras

from tfopt.conversion.convert import FloatFile, convert
from tfopt.evaluation.evaluator import Evaluator
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.exact_weights import stored_narrow, with_exact_weights
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.sensitivity import LayerOperations, layer_errors, layers_of
from tfopt.techniques.quantization.variant import Variant
from tfopt.techniques.quantization.widths import STORED, Widths, is_unpacked, operation_of
from tfopt.techniques.rounding.levels import Levels
from tfopt.techniques.rounding.selection import Choice, choose_rounding
from tfopt.techniques.rounding.sequential import round_model
from tfopt.techniques.rounding.side_by_side import most_samples
from tfopt.typing import Array

CHECKED = 32  # samples that a file is run on
NOISE = 0.1  # of the signal's power that a layer may add: integers of activations add a hundredth of it


@dataclass(frozen=True)
class Rounding:
    """Makes files of a model whose weights are rounded.

    Attributes:
        model: The float model, its normalizations folded.
        name: The name of its file.
        samples: What it is rounded by: an array (N, ...) for each input.
        widths: The levels of each kernel.
        config: How to quantize.
        choice: The model, rounded.
        nested: The names of layers in the model that was given, by those here.
        made: The files that were made, each with what is to be said of it.
    """

    model: keras.Model
    name: str
    samples: Sequence[Array]
    widths: Widths
    config: QuantizeConfig
    choice: Choice
    nested: Mapping[str, str]
    made: list[tuple[TfliteArtifact, list[str]]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        model: keras.Model,
        name: str,
        samples: Sequence[Array],
        config: QuantizeConfig,
        evaluator: Evaluator,
        nested: Mapping[str, str],
        progress: Progress,
        widths: Widths,
    ) -> "Rounding":
        """Round a model in the better of two ways; of many samples no more are looked at than memory holds."""
        seen = [x[: most_samples(model)] for x in samples]
        choice = choose_rounding(model, widths.of, seen, evaluator, name, progress)
        return cls(model, name, seen, widths, config, choice, nested)

    def notes(self) -> list[str]:
        """Say how weights were rounded, and which have more bits than were asked for."""
        notes = [self.choice.note, *self.choice.seen.notes(self._named)]
        reasons = dict.fromkeys(self.widths.why.values())
        than = "could be chosen" if self.config.budgeted else self.config.weights
        for reason in reasons:
            names = [self._named(name) for name, why in self.widths.why.items() if why == reason]
            notes.append(f"more bits than {than} ({reason}): {', '.join(names)}")
        return notes

    def files(
        self,
        feeds: Mapping[str, Array],
        progress: Progress,
        clipped: Sequence[bool] = (False,),
        kept: Collection[str] = (),
    ) -> list[TfliteArtifact]:
        """Make a file for each way to set the ranges of activations.

        Args:
            feeds: What activations are calibrated on: an array (N, ...) for each input by its name.
            progress: Shows the stages.
            clipped: For each file whether ranges are clipped to the least squared error.
            kept: The names of layers that are kept at 8 bits.

        Raises:
            ConversionError: If it cannot be converted or quantized.
        """
        widths = self.widths.without(set(kept)) if kept else self.widths
        rounded = self._rounded(widths, progress) if kept else self.choice.model
        source = convert(KerasArtifact.from_model(rounded, self.name), progress, self.config)
        config = self.config.model_copy(update={"algorithm": "minmax"})
        found, some = layers_of(source.model, source.artifact), _some(feeds, self.samples, source)
        noisy: dict[str, float] = {}  # before they were stored in 8 bits
        innocent: set[str] = set()  # of their noise, which 8 bits did not take away
        while True:
            wide = noisy.keys() - innocent
            operations, unpacked = _operations(source.model, found, widths.without(wide), config)
            variants = [Variant(widths=operations, clipped=narrow) for narrow in clipped]
            files = [
                _exact(file, source, unpacked)
                for file in quantize_files(source.artifact, config, feeds, progress, variants)
            ]
            errors = layer_errors(found, source.artifact, files[0][0], some)
            noise = {error.layer: error.added_noise for error in errors}
            in_vain = {name for name in wide if not noise[name] <= noisy[name] / 2}
            more = {name: noise[name] for name in widths.few - noisy.keys() if not noise.get(name, 0) <= NOISE}
            if not in_vain and not more:
                self.made.extend(
                    (file, _told(exact, [self._named(name) for name in sorted(wide)], len(unpacked)))
                    for file, exact in files
                )
                return [file for file, _ in files]
            innocent |= in_vain
            noisy |= more

    def remarks(self, file: TfliteArtifact) -> list[str]:
        """Return what is to be said of a file that was made here."""
        return next((notes for one, notes in self.made if one is file), [])

    def _named(self, name: str) -> str:
        return self.nested.get(name, name)

    def _rounded(self, widths: Widths, progress: Progress) -> keras.Model:
        copy = rebuild(self.model, self.name)
        with progress.task("rounding", len(list(named_layers(copy)))) as advance:
            round_model(self.model, copy, widths.of, self.samples, advance, compensate=self.choice.compensate)
        return copy


def _exact(
    file: TfliteArtifact, source: FloatFile, unpacked: Mapping[str, Levels]
) -> tuple[TfliteArtifact, dict[str, bool]]:
    payload, exact = with_exact_weights(file.payload, source.artifact.payload)
    payload = stored_narrow(payload, unpacked)
    return TfliteArtifact(file.name, payload, order=file.order, probabilities=file.probabilities), exact


def _some(feeds: Mapping[str, Array], samples: Sequence[Array], source: FloatFile) -> dict[str, Array]:
    given = feeds or dict(zip(source.inputs, samples, strict=True))
    return {name: x[:CHECKED] for name, x in given.items()}


def _operations(
    model: keras.Model, found: Sequence[LayerOperations], widths: Widths, config: QuantizeConfig
) -> tuple[dict[int, list[str]], dict[str, Levels]]:
    """The operations that compute with each number of bits below 8, and the tensors of weights that are unpacked."""
    layers = dict(named_layers(model))
    held = {
        (name, operation_of(layers[name], kernel)): levels
        for name, layer in layers.items()
        for kernel in find_kernels(layer)
        if (levels := widths.of(name, kernel))
    }
    named: dict[int, list[str]] = {}
    unpacked: dict[str, Levels] = {}
    for layer in found:
        for operation in layer.operations:
            levels = held.get((layer.name, operation.kind), "int8")
            if is_unpacked(config.precision, operation.kind, levels):
                unpacked |= {constant.name: levels for constant in operation.constants if len(constant.shape) > 1}
            elif STORED[levels] < STORED["int8"] and operation.outputs:
                named.setdefault(STORED[levels], []).append(operation.outputs[0])
    return named, unpacked


def _told(exact: Mapping[str, bool], wide: Sequence[str], unpacked: int) -> list[str]:
    notes = []
    missed = [name.split(";")[0] for name, same in exact.items() if not same]
    if missed:
        notes.append(f"stored to nearest, not as they were rounded: {', '.join(missed)}")
    else:
        notes.append(f"the integers of all {len(exact)} kernels in the file are those that were chosen")
    if unpacked:
        notes.append(
            f"{unpacked} kernels are unpacked to 8 bits in the graph: LiteRT does not compute with fewer there"
        )
    if wide:
        notes.append(f"stored in 8 bits, because LiteRT answers wrongly with fewer: {', '.join(wide)}")
    return notes
