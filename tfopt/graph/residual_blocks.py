"""Residual blocks (He et al. 2016): layers whose output is added to their input, and a model without some of them.

As the input passes by, a network without one of its blocks still computes nearly the same (Veit et al. 2016).
"""

from collections.abc import Collection
from dataclasses import dataclass

import keras

from tfopt.graph.model_copy import LayerCopies, compile_like, rebuild
from tfopt.graph.replay import Call, replay
from tfopt.typing import Tensor


@dataclass(frozen=True)
class Block:
    """An addition, `name`, whose input number `shortcut` passes by the `layers` that make the other input."""

    name: str
    shortcut: int
    layers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Tensor:
    """A tensor, the call that made it, and what that was given."""

    spec: keras.KerasTensor
    call: str
    given: tuple["_Tensor", ...] = ()


def find_residual_blocks(model: keras.Model) -> list[Block]:
    """Find the residual blocks of a model.

    A block is an addition, called once, of two tensors of one shape, of which one is made from the other.

    Args:
        model: A model whose graph is known.

    Returns:
        The blocks in the order in which the model calls them.
    """
    found: list[tuple[str, tuple[_Tensor, ...]]] = []

    def visit(call: Call) -> Tensor:
        given = tuple(leaf for leaf in keras.tree.flatten((call.args, call.kwargs)) if isinstance(leaf, _Tensor))
        if type(call.operation).__name__ == "Add" and len(given) == 2 and given[0].spec.shape == given[1].spec.shape:
            found.append((call.name, given))
        args, kwargs = keras.tree.map_structure(_spec, (call.args, call.kwargs))
        output = call.operation.compute_output_spec(*args, **kwargs)
        return [_Tensor(spec, call.name, given) for spec in keras.tree.flatten(output)]

    replay(model, [_Tensor(tensor, tensor.name) for tensor in model.inputs], visit)
    names = [name for name, _ in found]
    blocks = []
    for name, given in found:
        for shortcut in (0, 1):
            layers = _calls_between(given[shortcut], given[1 - shortcut])
            if layers and names.count(name) == 1:
                blocks.append(Block(name, shortcut, layers))
    return blocks


def remove_blocks(model: keras.Model, blocks: Collection[Block], title: str) -> keras.Model:
    """Copy a model, nested models flattened, with the shortcuts of `blocks` in place of their sums.

    Args:
        model: The model.
        blocks: The blocks that leave.
        title: The name of the model in messages.

    Returns:
        The copy, compiled as `model` is.
    """
    leaving = {block.name: block for block in blocks}

    def visit(call: Call, copies: LayerCopies) -> Tensor:
        if call.name in leaving:
            return keras.tree.flatten((call.args, call.kwargs))[leaving[call.name].shortcut]
        return copies.call(call)

    return compile_like(model, rebuild(model, title, visit))


def _calls_between(start: _Tensor, end: _Tensor) -> tuple[str, ...]:
    """Return the names of the calls on the ways from `start` to `end`, first things first; none if there is no way."""
    leads: dict[_Tensor, bool] = {start: True}
    order: list[_Tensor] = []
    waiting = [end]
    while waiting:
        tensor = waiting[-1]
        unknown = [given for given in tensor.given if given not in leads]
        if tensor in leads:
            waiting.pop()
        elif unknown:
            waiting.extend(unknown)
        else:
            leads[tensor] = any(leads[given] for given in tensor.given)
            order.extend([tensor] if leads[tensor] else [])
            waiting.pop()
    return tuple(dict.fromkeys(tensor.call for tensor in order)) if leads.get(end) and start is not end else ()


def _spec(leaf: Tensor) -> Tensor:
    return leaf.spec if isinstance(leaf, _Tensor) else leaf
