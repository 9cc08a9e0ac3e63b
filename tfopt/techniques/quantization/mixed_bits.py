"""Mixed bits: 8, 4 or 2 for each layer, such that the answers move least within a budget.

The budget is that of a file, or a mean of bits for all weights. What each width of each kernel costs is measured once;
the choice among them is exact (`tfopt.techniques.allocation`). The size of a file is known when it is made: if
it is larger than was reckoned, the weights get so many bytes less.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import ceil, floor

import keras

from tfopt.conversion.convert import FloatFile
from tfopt.core.tables import Tables
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.packing import packed_size
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.report.schema import GateResult, LayerChange
from tfopt.runtime.progress import Progress
from tfopt.techniques.allocation import Cost, allocate, least_size
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.litert_quantizer import quantize_files
from tfopt.techniques.quantization.rounded_file import Rounding
from tfopt.techniques.quantization.widths import STORED, Widths, find_options, is_unpacked, kernel_sizes, operation_of
from tfopt.techniques.rounding.costs import measure_errors
from tfopt.techniques.rounding.levels import Levels, Place
from tfopt.techniques.rounding.side_by_side import most_samples
from tfopt.typing import Array, Json

UNPACKING = 160  # bytes of the operations that unpack a kernel, in a packed file
METADATA = 600  # bytes of what a file remembers of its making
TRIES = 4


@dataclass(frozen=True)
class MixedBits:
    """Holds what every width of every kernel costs.

    Attributes:
        errors: The error at the output that each kernel brings alone, by its levels.
        sizes: The number of weights of each kernel, also of those that have 8 bits in any case.
        unpacked: The levels of kernels that the graph has to unpack, which takes operations.
    """

    errors: Mapping[Place, Mapping[Levels, float]]
    sizes: Mapping[Place, int]
    unpacked: Set[tuple[Place, Levels]] = field(default_factory=set)

    @classmethod
    def measured(
        cls,
        model: keras.Model,
        config: QuantizeConfig,
        samples: Sequence[Array],
        progress: Progress,
        tables: Tables | None = None,
    ) -> "MixedBits":
        """Measure the kernels of a model whose normalizations are folded, unless `tables` has their errors."""
        options, layers = find_options(model, config.precision), dict(named_layers(model))
        some = [x[: most_samples(model)] for x in samples]

        def measure() -> Json:
            with progress.task("measuring what bits cost", 2 * len(options)) as advance:
                found = measure_errors(model, options, some, advance)
            return {"errors": [[*place, own] for place, own in found.items()]}

        if tables:
            content = [model.to_json(), *(weight.numpy().tobytes() for weight in model.weights)]
            table = tables.table(["bits", repr(options), *content, *(x.tobytes() for x in some)], measure)
        else:
            table = measure()
        errors: dict[Place, dict[Levels, float]] = {(name, at): own for name, at, own in table["errors"]}
        kinds = {place: _kind(layers[place[0]], place[1]) for place in errors}
        unpacked = {
            (place, levels)
            for place, own in errors.items()
            for levels in own
            if is_unpacked(config.precision, kinds[place], levels)
        }
        return cls(errors, kernel_sizes(model), unpacked)

    def of_mean(self, bits: float) -> Widths:
        """Choose widths with no more bits for a weight on average, or the fewest that there are."""
        fixed = sum(size for place, size in self.sizes.items() if place not in self.errors)
        return self._within(floor(bits * sum(self.sizes.values()) / 8) - fixed, self._costs(unpacking=0))

    def of_bytes(self, most: int) -> Widths:
        """Choose widths whose kernels have no more bytes, or the fewest that there are."""
        return self._within(most, self._costs(UNPACKING))

    @property
    def least(self) -> int:
        """The fewest bytes that all kernels can have."""
        return least_size(self._costs(UNPACKING))

    def mean_bits(self, widths: Widths) -> float:
        """Return the mean of the stored bits of all weights."""
        bits = sum(size * STORED[widths.levels.get(place, "int8")] for place, size in self.sizes.items())
        return bits / sum(self.sizes.values())

    def _costs(self, unpacking: int) -> dict[Place, dict[Levels, Cost]]:
        return {
            place: {
                levels: Cost(
                    error,
                    ceil(self.sizes[place] * STORED[levels] / 8) + unpacking * ((place, levels) in self.unpacked),
                )
                for levels, error in own.items()
            }
            for place, own in self.errors.items()
        }

    def _within(self, most: int, costs: Mapping[Place, Mapping[Levels, Cost]]) -> Widths:
        return Widths(allocate(costs, max(most, least_size(costs))), errors=self.errors)


def round_within_budget(
    found: MixedBits,
    make: Callable[[Widths], Rounding],
    made: FloatFile,
    config: QuantizeConfig,
    feeds: Mapping[str, Array],
    progress: Progress,
) -> tuple[Rounding, list[str]]:
    """Round a model with the bits that a budget allows, or with the fewest if it allows none.

    Args:
        found: What bits cost.
        make: Rounds the model to some widths.
        made: The float file.
        config: How to quantize, and the budget.
        feeds: What activations are calibrated on.
        progress: Shows the stages.

    Returns:
        The rounding, and notes on the choice.
    """
    if config.bits_budget is not None:
        widths = found.of_mean(config.bits_budget)
        return make(widths), [_told(found, widths)]
    assert config.max_size is not None
    most = config.max_size - METADATA * config.metadata
    wide = config.model_copy(update={"max_size": None, "algorithm": "minmax"})
    [plain] = quantize_files(made.artifact, wide, feeds, progress)
    room = most - _size(plain, config) + sum(found.sizes[place] for place in found.errors)
    for _ in range(TRIES):
        widths = found.of_bytes(room)
        rounding = make(widths)
        [file] = rounding.files(feeds, progress)
        over = _size(file, config) - most
        if over <= 0 or room <= found.least:
            break
        room -= over
    return rounding, [_told(found, rounding.widths)]


def budget_gate(
    found: MixedBits, rounding: Rounding, config: QuantizeConfig, file: TfliteArtifact
) -> tuple[GateResult, list[str]]:
    """Hold a file to its budget, and say the least that there is if it is too much."""
    if config.bits_budget is not None:
        limit, value, gate = config.bits_budget, found.mean_bits(rounding.widths), "bits-budget"
        least = f"{value:.2f} bits a weight"
    else:
        assert config.max_size is not None
        limit, value, gate = float(config.max_size), float(_size(file, config)), "max-size"
        least = f"{value:,.0f} bytes"
    passed = value <= limit
    told = [] if passed else [f"{least} are the least that {config.precision} has for this model"]
    return GateResult(gate=gate, name=file.name, limit=limit, found=value, passed=passed), told


def explained(change: LayerChange, widths: Widths) -> LayerChange:
    """Add to what is told of a layer the error that its kernels bring to the output, with each number of bits."""
    told = [
        f"alone it moves the output by {own[widths.levels[place]]:.2g}"
        f" ({', '.join(f'{STORED[levels]} bits: {error:.2g}' for levels, error in own.items())})"
        for place, own in widths.errors.items()
        if place[0] == change.layer
    ]
    return change.model_copy(update={"detail": "; ".join([change.detail, *told])})


def _told(found: MixedBits, widths: Widths) -> str:
    counts = {bits: sum(STORED[own] == bits for own in widths.levels.values()) for bits in (8, 4, 2)}
    errors = sum(found.errors[place][levels] for place, levels in widths.levels.items())
    told = ", ".join(f"{count} of {bits} bits" for bits, count in counts.items() if count)
    return (
        f"{found.mean_bits(widths):.2f} bits a weight on average ({told}), chosen for the least sum ({errors:.3g}) of"
        " the errors that each kernel alone brings to the output"
    )


def _size(file: TfliteArtifact, config: QuantizeConfig) -> int:
    return packed_size(file.payload, keep_names=config.keep_names)


def _kind(layer: keras.Layer, position: int) -> str:
    return next(operation_of(layer, kernel) or "" for kernel in find_kernels(layer) if kernel.position == position)
