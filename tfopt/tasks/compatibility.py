"""The check that a data set fits a model, and the small reshapes that make it fit.

Images of one channel are stored with or without that axis; all else must agree: the inputs, the shape of a sample, and
the classes, numbers or words that the outputs stand for. Several inputs and outputs go by their names, where the data
and the model both have names.
"""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tfopt.data.dataset import Dataset, Split
from tfopt.data.output_labels import side_by_side, taken_apart
from tfopt.errors import InputError
from tfopt.tasks.registry import rules_for, rules_of
from tfopt.tasks.rules import Shape, fits
from tfopt.tasks.several import views
from tfopt.typing import Options


class ModelPorts(NamedTuple):
    """The inputs and outputs of a model: shapes, batch axis first, None where a size is free; and names, if known."""

    inputs: Sequence[Shape]
    outputs: Sequence[Shape]
    input_names: Sequence[str] = ()
    output_names: Sequence[str] = ()


def match(data: Dataset, name: str, ports: ModelPorts) -> Dataset:
    """Return `data` in the shape that a model takes.

    Args:
        data: The data set.
        name: The name of the model in messages.
        ports: The inputs and outputs of the model. One output of shape (N, 1) is read as the score of class 1 of two.

    Returns:
        `data` itself, or a copy with an axis of size 1 more or less, and with inputs and outputs in the model's order.

    Raises:
        InputError: If it does not fit; the message says how the two differ.
    """
    source, outputs = data.config.source, max(len(data.outputs), 1)
    if len(ports.inputs) != len(data.train.inputs) or len(ports.outputs) != outputs:
        labelled = "one output" if outputs == 1 else f"{outputs} outputs"
        raise InputError(
            f"{name} has {len(ports.inputs)} inputs and {len(ports.outputs)} outputs, but {source} feeds"
            f" {_count_noun(len(data.train.inputs), 'input')} and labels {labelled}"
        )
    data = _with_outputs(_in_order(data, name, ports.input_names), name, ports)
    shapes = [
        _choose_shape(x.shape[1:], wanted[1:], name, source)
        for x, wanted in zip(data.train.inputs, ports.inputs, strict=True)
    ]
    if all(x.shape[1:] == shape for x, shape in zip(data.train.inputs, shapes, strict=True)):
        return data
    reshaped: Options = {name: _reshape(split, shapes) for name, split in data.splits()}
    return replace(data, **reshaped)


def _in_order(data: Dataset, name: str, wanted: Sequence[str]) -> Dataset:
    """Return data whose inputs have the order of the model's, if both have names."""
    order = _order(data.input_names, wanted, "inputs", name, data.config.source)
    if order is None:
        return data
    splits: Options = {which: Split(tuple(split.inputs[at] for at in order), split.y) for which, split in data.splits()}
    return replace(data, input_names=tuple(data.input_names[at] for at in order), **splits)


def _with_outputs(data: Dataset, name: str, ports: ModelPorts) -> Dataset:
    """Check the outputs; labels of several get the order of the model's outputs, and remember the shape of answers."""
    if not data.outputs:
        rules_for(data).check_outputs(data, name, ports.outputs[0])
        return data
    given = [one.name for one in data.outputs]
    order = _order(given, ports.output_names, "outputs", name, data.config.source) or range(len(given))
    shapes = [one.shape for one in data.outputs]
    splits: Options = {}
    for which, split in data.splits():
        parts = taken_apart(split.y, shapes)
        splits[which] = Split(split.inputs, side_by_side(parts[at] for at in order))
    data = replace(data, outputs=tuple(data.outputs[at] for at in order), **splits)
    known = []
    for one, view, shape in zip(data.outputs, views(data), ports.outputs, strict=True):
        rules_of(one.task).check_outputs(view, f"{name}, output {one.name}", shape)
        label = (*view.train.y.shape[1:], *shape[view.train.y.ndim :])
        answer = tuple(int(own if size is None else size) for size, own in zip(shape[1:], label, strict=True))
        known.append(one.model_copy(update={"answer": answer}))
    return replace(data, outputs=tuple(known))


def _order(given: Sequence[str], wanted: Sequence[str], what: str, name: str, source: str) -> list[int] | None:
    """Return where the model's inputs or outputs stand in the data; None if they go by their order."""
    if len(given) < 2 or _are_numbered(given) or _are_generic(wanted):
        return None
    unknown = [one for one in given if one not in wanted]
    if unknown:
        close = difflib.get_close_matches(unknown[0], wanted, n=1)
        meant = f": did you mean {close[0]}?" if close else ""
        raise InputError(
            f"{source} has the {what} {', '.join(given)}, but those of {name} are {', '.join(wanted)}{meant}"
        )
    return [list(given).index(one) for one in wanted]


def _are_numbered(names: Sequence[str]) -> bool:
    return all(name.isdecimal() for name in names)


def _are_generic(names: Sequence[str]) -> bool:
    """Tell whether names were given by a converter, so that they say nothing."""
    return not names or all(name.startswith(("output_", "args_", "keras_tensor")) for name in names)


def _choose_shape(given: tuple[int, ...], wanted: Shape, name: str, source: str) -> tuple[int, ...]:
    for shape in (given, (*given, 1), given[:-1]):
        if fits(shape, wanted) and np.prod(shape) == np.prod(given):
            return shape
    raise InputError(f"{name} takes samples of shape {wanted}, but {source} has {given}")


def _reshape(split: Split, shapes: Sequence[tuple[int, ...]]) -> Split:
    inputs = (x.reshape(len(x), *shape) for x, shape in zip(split.inputs, shapes, strict=True))
    return Split(tuple(inputs), split.y)


def _count_noun(count: int, noun: str) -> str:
    return f"{'one' if count == 1 else count} {noun}{'s' * (count > 1)}"
