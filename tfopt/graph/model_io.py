"""The inputs and outputs of a model, and calling it with a plain list of inputs, whatever structure it takes.

A Keras model takes a tensor, a list or a dict, and a subclassed one says nothing of its inputs until it was built: all
rooms go through this one.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import keras
import tensorflow as tf

from tfopt.errors import InputError, TfoptError, UnsupportedError
from tfopt.typing import Tensor


def inputs_of(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the inputs of a model.

    Args:
        model: The model; that of a subclassed model is the one it was built with.

    Returns:
        A symbolic tensor for each input, flat, in the order in which `call` takes them.

    Raises:
        UnsupportedError: If a subclassed model was never built, or was built with several inputs.
    """
    known = _get_tensors(model, "inputs")
    if known:
        return known
    shape = (model.get_build_config() or {}).get("input_shape") if model.built else None
    if not isinstance(shape, list | tuple) or not all(size is None or isinstance(size, int) for size in shape):
        raise UnsupportedError(
            f"{model.name} ({type(model).__name__}) has no known input: it is subclassed and was not built with one"
            " tensor; call it once on an array before saving it, or make it of an Input"
        )
    return [keras.KerasTensor((None, *shape[1:]), dtype=model.input_dtype, name="input")]


def outputs_of(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the outputs of a model as symbolic tensors, flat; raise `UnsupportedError` as `inputs_of` does."""
    known = _get_tensors(model, "outputs")
    if known:
        return known
    [given] = inputs_of(model)
    try:
        return list(keras.tree.flatten(model.compute_output_spec(given)))
    except Exception as error:  # whatever a user's `call` stumbles over
        reason = " ".join(str(error).split())[:160]
        raise UnsupportedError(f"{model.name} ({type(model).__name__}) cannot be traced: {reason}") from error


def call(model: keras.Model, inputs: Sequence[Tensor]) -> Tensor:
    """Run a model for inference.

    Args:
        model: The model.
        inputs: A tensor (N, ...) for each entry of `inputs_of(model)`.

    Returns:
        The outputs in the model's own structure.
    """
    return model(packed_inputs(model, inputs), training=False)


def packed_inputs(model: keras.Model, inputs: Sequence[Tensor]) -> Tensor:
    """Return flat inputs in the structure that a model takes: a tensor, a list or a dict."""
    if isinstance(model, keras.Sequential) or not _get_tensors(model, "inputs"):
        [structured] = inputs
    else:
        structured = keras.tree.pack_sequence_as(model.input, inputs)
    return structured


def compiled(function: Callable[..., Tensor], *first: object) -> Callable[..., Tensor]:
    """Compile a function of tensors, which may be given the model that it runs as its `first` arguments.

    TensorFlow counts how often code is traced, whichever model it runs, and takes one trace of each of several models
    for a function that is traced again and again. A partial function has no code: it is counted by itself.
    """
    traced: Callable[..., Tensor] = tf.function(partial(function, *first), reduce_retracing=True, autograph=False)
    return traced


@contextlib.contextmanager
def explain_failures(name: str) -> Iterator[None]:
    """Raise `InputError` in one sentence for whatever goes wrong when the model `name`, though loaded, is run."""
    try:
        yield
    except (TfoptError, MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:
        reason = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split())[:200]
        raise InputError(f"{name} cannot be run by Keras {keras.__version__}: {reason}") from error


def _get_tensors(model: keras.Model, which: str) -> list[keras.KerasTensor]:
    try:
        return list(getattr(model, which) or [])
    except (AttributeError, ValueError):  # a Sequential that was not built raises, a subclassed model has none
        return []
