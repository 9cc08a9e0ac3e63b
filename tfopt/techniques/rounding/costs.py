"""The cost of few bits, measured: how far the answers of a model move when one kernel alone is rounded.

Each kernel is rounded in every width by what it is fed in the float model, put into the model, and taken back. No
labels are needed: answers are compared with those of the float model.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfopt.graph.kernels import find_kernels, to_kernel, to_matrix
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_copy import rebuild
from tfopt.graph.moments import gather_moments
from tfopt.graph.replay import Call, replay
from tfopt.graph.rows import LinearMap, linear_maps
from tfopt.runtime.progress import Advance
from tfopt.techniques.answer_errors import error_against_now
from tfopt.techniques.rounding.grids import find_grid
from tfopt.techniques.rounding.levels import Levels, Place
from tfopt.techniques.rounding.matching import matched
from tfopt.techniques.rounding.scales import nearest
from tfopt.techniques.rounding.side_by_side import PairedCall, batches_of
from tfopt.typing import Array, Tensor

MOST_SAMPLES = 256  # whose answers are compared; errors of that many are known to a few per cent

Options = Mapping[Place, Sequence[Levels]]


class _Rounded(NamedTuple):
    """A kernel in its own shape, and what its bias gains, flat; None if there is no bias."""

    kernel: Array
    shift: Array | None


def measure_errors(
    model: keras.Model, options: Options, samples: Sequence[Array], advance: Advance
) -> dict[Place, dict[Levels, float]]:
    """Measure the error of each width of each kernel of a model.

    Args:
        model: The float model, whose graph is known, its normalizations folded.
        options: The levels that are tried of each kernel.
        samples: What it is rounded by, and answers: an array (N, ...) for each input.
        advance: Is told the name of each layer that is done, twice.

    Returns:
        By kernel and levels the error at the output: of shares of classes the mean divergence in nats from those of
        the float model, of other answers the mean squared difference in their variances.
    """
    copy = rebuild(model, model.name)
    error = error_against_now(copy, [x[:MOST_SAMPLES] for x in samples])
    errors: dict[Place, dict[Levels, float]] = {}
    layers = dict(named_layers(copy))
    for place, tried in _rounded_alone(model, options, samples, advance).items():
        layer = layers[place[0]]
        variable = layer.weights[place[1]]
        known = next((one for one in linear_maps(layer) if one.kernel is variable), None)
        bias = known.bias if known else None
        held = [(one, one.numpy()) for one in (variable, bias) if one is not None]
        errors[place] = {}
        for levels, rounded in tried.items():
            variable.assign(rounded.kernel)
            if known and rounded.shift is not None:
                known.shift(rounded.shift)
            errors[place][levels] = error()
            for one, values in held:
                one.assign(values)
        advance(1, place[0])
    return {place: errors[place] for place in options if place in errors}


def _rounded_alone(
    model: keras.Model, options: Options, samples: Sequence[Array], advance: Advance
) -> dict[Place, dict[Levels, _Rounded]]:
    """Round each kernel in each width, all others in float."""
    layers = dict(named_layers(model))
    found: dict[Place, dict[Levels, _Rounded]] = {}

    def visit(call: Call) -> Tensor:
        pair = PairedCall(call, call.operation)
        if call.name in layers:
            maps = {id(one.kernel): one for one in linear_maps(call.operation)}
            for kernel in find_kernels(call.operation):
                place = call.name, kernel.position
                variable = call.operation.weights[kernel.position]
                if place not in options or place in found:
                    continue
                known = maps.get(id(variable))
                if known:
                    found[place] = _by_what_it_is_fed(known, pair, options[place])
                else:
                    found[place] = {levels: _nearest(variable, kernel.axes, levels) for levels in options[place]}
                advance(1, call.name)
        return pair.answers(same=True)

    replay(model, batches_of(model, samples), visit)
    return found


def _by_what_it_is_fed(known: LinearMap, pair: PairedCall, options: Sequence[Levels]) -> dict[Levels, _Rounded]:
    kernel = known.read().astype(np.float64)
    rows = ((known.rows(one), len(one.first)) for one in pair.before())
    fed = gather_moments(((x, x, count) for x, count in rows), kernel)
    found = {}
    for levels in options:
        if find_grid(to_matrix(known.kernel.numpy(), known.axes), levels):
            found[levels] = _Rounded(known.kernel.numpy(), None)
            continue
        result = matched(kernel, levels, fed, compensate=True)
        matrix = np.swapaxes(result.kernel, 0, 1).reshape(kernel.shape[1], -1)
        shape = tuple(known.kernel.shape)
        found[levels] = _Rounded(to_kernel(matrix.astype(np.float32), shape, known.axes), result.shift)
    return found


def _nearest(variable: keras.Variable, axes: tuple[int, ...], levels: Levels) -> _Rounded:
    matrix = nearest(to_matrix(variable.numpy(), axes), levels)
    return _Rounded(to_kernel(matrix.astype(np.float32), tuple(variable.shape), axes), None)
