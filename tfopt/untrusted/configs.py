"""The configuration of a model is data, but it names classes and functions to call: only those of Keras may be named.

Keras' safe mode refuses a Lambda and imports Keras' own packages only. tf_keras, which reads the files of Keras 2,
imports any module that a file names, and calls any function of TensorFlow, such as one that writes files
(the kind of CVE-2025-1550).
"""

import json
import math
import sys
from collections.abc import Collection, Iterator
from typing import Any

from tfopt.errors import InputError, UnsupportedError
from tfopt.untrusted.limits import MOST_ELEMENTS

MOST_BYTES = 16_000_000
CODE = {"Lambda", "__lambda__"}
KERAS_3_IMPORTS = {"keras_hub", "keras_cv", "keras_nlp"}  # whatever else a file names it looks for among what is known
KERAS_2_KNOWS = {"builtins", "keras", "tf_keras"}
CALLS = {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "TensorFlowOpLayer"}  # of any function of TensorFlow


def read_config(text: bytes | str, name: str) -> Any:
    """The parsed JSON; raise `InputError` if it is none, or too large or too deep for a model."""
    if len(text) > MOST_BYTES:
        raise InputError(f"{name} has a configuration of {len(text):,} bytes, which no model has")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} has a configuration that is no JSON: {str(error)[:100]}") from error


def check_config(config: Any, name: str, operations: Collection[str] | None = None) -> None:
    """Raise `InputError` for code, modules to import, files to read and shapes that nothing can hold.

    A file for tf_keras comes with the `operations` of TensorFlow that it may call; another is an `UnsupportedError`.
    """
    for found in _dicts(config):
        if CODE & {found.get(key) for key in ("class_name", "registered_name") if isinstance(found.get(key), str)}:
            raise InputError(
                f"{name} has a Lambda layer, whose code would run on loading: refused; replace it by a registered layer"
            )
        _check_module(found, name, keras_2=operations is not None)
        if operations is not None and found.get("class_name") in CALLS:
            _check_call(found, found["class_name"], name, operations)
        if isinstance(found.get("vocabulary"), str):
            raise InputError(f"{name} takes a vocabulary from the file {found['vocabulary'][:80]!r}: refused")
        for key, value in found.items():
            if key.endswith("shape"):
                _check_shape(value, name)
        called = found.get("name")
        if isinstance(called, str) and not called.isprintable():
            raise InputError(f"{name} has a layer whose name {called[:80]!r} cannot be printed")


def _check_module(found: dict[str, Any], name: str, *, keras_2: bool) -> None:
    module, kind = found.get("module"), found.get("class_name")
    if not isinstance(module, str) or kind is None:
        return
    package = module.split(".")[0]
    if keras_2 and (package not in KERAS_2_KNOWS or (kind == "function" and module != "builtins")):
        called = found.get("config") if kind == "function" else kind
        raise InputError(f"{name} uses {called} of {module}, a custom layer or model whose code is not in the file")
    if package in KERAS_3_IMPORTS - set(sys.modules):
        raise InputError(
            f"{name} uses {kind} of {module}, which would be imported: refused; name it by --custom-objects"
        )


def _check_call(found: dict[str, Any], kind: str, name: str, operations: Collection[str]) -> None:
    config = found.get("config")
    function = config.get("function", kind) if isinstance(config, dict) else kind
    if function not in operations:
        layer = config.get("name", kind) if isinstance(config, dict) else kind
        raise UnsupportedError(
            f"{name} cannot become a Keras 3 model: {layer} ({kind}): no operation of Keras 3 is known to do the same"
            f" as tf.{function}"
        )


def _check_shape(shape: Any, name: str) -> None:
    if isinstance(shape, list) and all(isinstance(size, int | None) for size in shape):
        elements = math.prod(abs(size) for size in shape if size)
        if elements > MOST_ELEMENTS:
            raise InputError(f"{name} declares a shape of more than {MOST_ELEMENTS:,} elements for one sample: refused")


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
