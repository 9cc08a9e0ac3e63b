"""The configuration of a model is data, but it names classes and functions to call: only those of Keras may be named.

Keras' safe mode refuses a Lambda and imports Keras' own packages only. tf_keras, which reads the files of Keras 2,
imports any module that a file names, and calls any function of TensorFlow, such as one that writes files
(the kind of CVE-2025-1550).
"""

import json
import math
import sys
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from tfopt.errors import InputError, UnsupportedError
from tfopt.typing import Json
from tfopt.untrusted.hub_classes import check_hub_class
from tfopt.untrusted.limits import MOST_ELEMENTS

MOST_BYTES = 16_000_000
MOST_AXES = 32
WINDOWS = ("pool_size", "kernel_size", "strides", "dilation_rate")
MOST_WINDOW = 1_000_000  # places that one covers; TensorFlow fills up what a larger one covers beside the sample
SPECTRUM = ("frame_length", "fft_length", "num_mel_bins")
MOST_SPECTRUM = 2**24  # the product of the two largest: the elements of a matrix that is made while a layer is built
CODE = {"Lambda", "__lambda__"}
CUSTOM = (
    "a custom layer or model whose code is not in the file: make it of Keras 3 and save it as .keras, for which"
    " `custom_objects` MODULE:FUNCTION names the code"
)
KERAS_3_IMPORTS = {"keras_cv", "keras_nlp"}  # whatever else a file names it looks for among what is known
KERAS_2_KNOWS = {"builtins", "keras", "tf_keras"}
CALLS = {  # of any function of TensorFlow, or of any method of a tensor
    "TFOpLambda", "SlicingOpLambda", "ClassMethod", "TensorFlowOpLayer", "InstanceMethod", "InstanceProperty",
}  # fmt: skip
VALUES = {  # that JSON has no form for
    "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__tensor__", "__tuple__", "CompositeTensor",
    "TensorShape", "TypeSpec",
}  # fmt: skip


class Known(NamedTuple):
    """The names that a file of Keras 2 may use; tf_keras would find much more."""

    classes: Collection[str]
    functions: Collection[str]
    operations: Collection[str]  # of TensorFlow


def read_config(text: bytes | str, name: str) -> Any:
    """Parse JSON; raise `InputError` if it is none, or too large or too deep for a model."""
    if len(text) > MOST_BYTES:
        raise InputError(f"{name} has a configuration of {len(text):,} bytes, which no model has")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} has a configuration that is no JSON: {str(error)[:100]}") from error


def check_config(config: Any, name: str, known: Known | None = None) -> None:
    """Check a config for code, modules to import, files to read and shapes that nothing can hold.

    Args:
        config: The parsed JSON.
        name: The name of the file in messages.
        known: The names that a file of Keras 2 may use; None for a file of Keras 3.

    Raises:
        InputError: If it has any of these.
        UnsupportedError: If it calls an operation of TensorFlow that is not `known`.
    """
    for found in _walk_dicts(config):
        kinds = {found[key] for key in ("class_name", "registered_name") if isinstance(found.get(key), str)}
        if CODE & {kind.split(">")[-1].split(".")[-1] for kind in kinds}:
            raise InputError(
                f"{name} has a Lambda layer, whose code would run on loading: refused; replace it by a registered layer"
            )
        if known is not None:
            _check_known(found, name, known)
        else:
            check_hub_class(found, name)
        _check_import(found, name)
        if isinstance(found.get("vocabulary"), str):
            raise InputError(f"{name} takes a vocabulary from the file {found['vocabulary'][:80]!r}: refused")
        for key, value in found.items():
            if key.endswith("shape"):
                _check_shape(value, name)
            elif key in WINDOWS:
                _check_shape(value if isinstance(value, list) else [value], name, MOST_WINDOW)
        spectrum = sorted(size for key in SPECTRUM if isinstance(size := found.get(key), int))
        if math.prod(spectrum[-2:]) > MOST_SPECTRUM:
            raise InputError(f"{name} has a spectrogram that needs a matrix of more than {MOST_SPECTRUM:,} elements")
        called = found.get("name")
        if isinstance(called, str) and not called.isprintable():
            raise InputError(f"{name} has a layer whose name {called[:80]!r} cannot be printed")


def _check_import(found: Json, name: str) -> None:
    module, kind = found.get("module"), found.get("class_name")
    if isinstance(module, str) and kind and module.split(".")[0] in KERAS_3_IMPORTS - set(sys.modules):
        raise InputError(
            f"{name} uses {kind} of {module}, which would be imported: refused; name it by `custom_objects`"
        )


def _check_known(found: Json, name: str, known: Known) -> None:
    """Check that every class goes by its own name: tf_keras looks for a dotted or registered name in whole modules."""
    kind, module, registered = (found.get(key) for key in ("class_name", "module", "registered_name"))
    if kind is None:
        return
    if kind in CALLS:
        _check_call(found, kind, name, known.operations)
    called = found.get("config") if kind == "function" else kind
    if kind == "function":
        sound = module in (None, "builtins") and called in known.functions
    else:
        sound = kind in VALUES | CALLS or kind.split(">")[-1] in known.classes
        sound &= registered is None or registered.split(">")[-1] == kind.split(">")[-1]
    if not sound or (isinstance(module, str) and module.split(".")[0] not in KERAS_2_KNOWS):
        shown = called if kind == "function" or kind not in known.classes or not registered else registered
        place = f" of {module}" if module else ""
        raise InputError(f"{name} uses {str(shown)[:80]}{place}, {CUSTOM}")


def _check_call(found: Json, kind: str, name: str, operations: Collection[str]) -> None:
    config = found.get("config")
    function = config.get("function", kind) if isinstance(config, dict) else kind
    if function not in operations:
        layer = config.get("name", kind) if isinstance(config, dict) else kind
        raise UnsupportedError(
            f"{name} cannot become a Keras 3 model: {layer} ({kind}): no operation of Keras 3 is known to do the same"
            f" as tf.{function}"
        )


def _check_shape(shape: Any, name: str, most: int = MOST_ELEMENTS) -> None:
    if isinstance(shape, list) and all(isinstance(size, int | None) for size in shape):
        if len(shape) > MOST_AXES:
            raise InputError(f"{name} declares a shape of {len(shape):,} axes: refused")
        elements = math.prod(abs(size) for size in shape if size)
        if elements > most:
            raise InputError(f"{name} declares a shape of more than {most:,} elements for one sample: refused")


def _walk_dicts(value: object) -> Iterator[Json]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
