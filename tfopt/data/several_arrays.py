"""Arrays for models with several inputs or outputs: `x.NAME` and `y.NAME`, or `x_train.NAME` and so on.

Each output is read by itself, as an only one would be, and all labels then stand side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from tfopt.data.named_inputs import NamedArrays
from tfopt.data.output_labels import OutputLabels, label_parts, side_by_side
from tfopt.data.raw_data import InputKind, RawData, validate
from tfopt.errors import InputError
from tfopt.typing import Array

PARTS = ("x", "y", "x_train", "y_train", "x_test", "y_test")
Named = Mapping[str, Array]
ReadOne = Callable[[Named], RawData]


def has_several(names: Mapping[str, object]) -> bool:
    """Tell whether arrays have names such as `x.image`.

    >>> has_several({"x.image": 0, "y": 0}), has_several({"x": 0, "y": 0})
    (True, False)
    """
    return any(name.partition(".")[0] in PARTS and "." in name for name in names)


def several_arrays(found: Named, title: str, read_one: ReadOne) -> RawData:
    """Read the arrays of several inputs or outputs.

    Args:
        found: Arrays by their names.
        title: What messages call them.
        read_one: Reads `x` and `y`, and `x_test` and `y_test` if they are there, as those of an only output.

    Returns:
        Samples as `NamedArrays` if there are several inputs; labels side by side if there are several outputs.

    Raises:
        InputError: If arrays are missing, or do not have the same samples.
    """
    parts: dict[str, dict[str, Array]] = {}
    for given, array in found.items():
        part, _, name = given.partition(".")
        if part in PARTS:
            parts.setdefault(part.removesuffix("_train"), {})[name] = array
    for part in ("x", "y"):
        if part not in parts:
            raise InputError(f"{title} holds {', '.join(found)}; it needs arrays {part} or {part}.NAME, too")
        own, test = parts[part], parts.get(f"{part}_test")
        if test is not None and own.keys() != test.keys():
            raise InputError(
                f"{title} has {_names(part, own)} to train on, but {_names(f'{part}_test', test)} to test on"
            )
    if ("x_test" in parts) != ("y_test" in parts):
        raise InputError(f"{title} has only one of x_test and y_test; it needs both or none of them")
    _check_rows(parts, title)
    singles = [_read_output(parts, name, title, read_one) for name in parts["y"]]
    x, x_test = _samples(parts["x"]), _samples(parts["x_test"]) if "x_test" in parts else None
    notes = tuple(dict.fromkeys(note for one in singles for note in one.notes))
    kind: InputKind = "several" if isinstance(x, NamedArrays) else singles[0].kind
    if len(singles) == 1:
        return _with_inputs(singles[0], x, x_test, kind)
    outputs = tuple(_labels_of(name, one) for name, one in zip(parts["y"], singles, strict=True))
    y = side_by_side(one.y.astype(np.float32) for one in singles)
    tests = [one.y_test for one in singles if one.y_test is not None]
    return RawData(
        x, y, x_test, side_by_side(one.astype(np.float32) for one in tests) if tests else None, kind=kind, peak=255,
        scale=singles[0].scale, task="several", vocabulary=singles[0].vocabulary, outputs=outputs,
        notes=notes,
    )  # fmt: skip


def with_known_classes(raw: RawData, known: Sequence[OutputLabels], title: str) -> RawData:
    """Return data whose classes have the indices that a model learnt for those words, output by output.

    Raises:
        InputError: If there is a class that the model does not know.
    """
    remembered = {one.name: one.class_names for one in known if one.class_names}
    if not any(one.class_names and one.class_names != remembered.get(one.name) for one in raw.outputs):
        return raw
    parts, tests = label_parts(raw.y, raw.outputs), None if raw.y_test is None else label_parts(raw.y_test, raw.outputs)
    outputs = list(raw.outputs)
    for at, one in enumerate(raw.outputs):
        names = remembered.get(one.name)
        if not names or not one.class_names:
            continue
        if unknown := set(one.class_names) - set(names):
            told = ", ".join(names[:10])
            raise InputError(
                f"{title}, output {one.name} has the label {sorted(unknown)[0]!r}, unknown to the model: {told}"
            )
        index = np.array([names.index(name) for name in one.class_names])
        parts[at] = index[parts[at]]
        if tests is not None:
            tests[at] = index[tests[at]]
        outputs[at] = one.model_copy(update={"class_names": names, "classes": len(names)})
    y_test = None if tests is None else side_by_side(part.astype(np.float32) for part in tests)
    y = side_by_side(part.astype(np.float32) for part in parts)
    return replace(raw, y=y, y_test=y_test, outputs=tuple(outputs))


def _with_inputs(one: RawData, x: Array, x_test: Array | None, kind: InputKind) -> RawData:
    return replace(one, x=x, x_test=x_test, kind=kind, vocabulary=None if kind == "several" else one.vocabulary)


def _read_output(parts: Mapping[str, Named], name: str, title: str, read_one: ReadOne) -> RawData:
    """Read and check the labels of one output."""
    first = next(iter(parts["x"].values()))
    single = {"x": first, "y": parts["y"][name]}
    if "x_test" in parts:
        tests = next(iter(parts["x_test"].values()))
        single = {"x_train": first, "y_train": single["y"], "x_test": tests, "y_test": parts["y_test"][name]}
    return validate(read_one(single), f"{title}, output {name}" if name else title)


def _labels_of(name: str, raw: RawData) -> OutputLabels:
    classes = len(raw.class_names) if raw.class_names else int(raw.y.max()) + 1
    counts = raw.task in ("classification", "segmentation")
    return OutputLabels(
        name=name,
        task=raw.task,
        shape=raw.y.shape[1:],
        classes=classes if counts else 0,
        class_names=raw.class_names,
    )


def _samples(arrays: Named) -> Array:
    """Return the arrays together; one without a name is alone."""
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    return cast(Array, NamedArrays(dict(arrays)))


def _check_rows(parts: Mapping[str, Named], title: str) -> None:
    for pair in (("x", "y"), ("x_test", "y_test")):
        counts = {
            f"{part}.{name}" if name else part: len(array)
            for part in pair
            for name, array in parts.get(part, {}).items()
        }
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} has {count}" for name, count in counts.items())
            raise InputError(f"{title}: arrays of one split have different numbers of rows: {told}")


def _names(part: str, arrays: Named) -> str:
    return " and ".join(f"{part}.{name}" if name else part for name in arrays)
