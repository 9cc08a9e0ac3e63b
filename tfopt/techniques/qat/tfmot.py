"""TensorFlow Model Optimization on a model rebuilt in tf_keras: its 8-bit scheme, applied and calibrated.

The scheme (Jacob et al. 2018, arXiv:1712.05877) simulates integers in training: weights symmetric and per-channel,
activations with ranges that follow a moving average. TFMOT refuses a whole model for one layer it does not know and
starts from ranges of -6..6; here each layer is judged by itself, and ranges are calibrated before training.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tf_keras

from tfopt.errors import UnsupportedError
from tfopt.formats.legacy.model_optimization import (
    default_8bit_quantize_scheme,
    default_n_bit_quantize_scheme,
    quant_ops,
    tfmot,
)
from tfopt.formats.legacy.to_tf_keras import TfKerasCopy
from tfopt.typing import Json, Tensor

ACTIVATIONS = {"linear", "relu", "swish", "softmax", "sigmoid", "tanh", "gelu"}
FOLDING = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D, tf_keras.layers.Dense)
PASSING = (  # what gives the numbers it takes, which the scheme therefore does not quantize again
    tf_keras.layers.Flatten,
    tf_keras.layers.Reshape,
    tf_keras.layers.Permute,
    tf_keras.layers.Dropout,
    tf_keras.layers.MaxPooling2D,
    tf_keras.layers.ZeroPadding2D,
    tf_keras.layers.GlobalMaxPooling2D,
)
PREFIX = "quant_"


@dataclass(frozen=True)
class QuantizationAware:
    """A tf_keras model that simulates integers; why layers of the Keras 3 model, by name, are left float."""

    model: tf_keras.Model
    rebuilt: TfKerasCopy
    left_float: dict[str, str]

    def variables(self, layer: keras.Layer) -> list[tf.Variable]:
        """The variables that are trained for a Keras 3 layer, in the order of its weights."""
        variables = self.rebuilt.variables(layer)
        if not self.rebuilt.twin(layer):
            return variables
        trained = {variable.name: variable for variable in self.model.weights}
        return [trained[variable.name] for variable in variables]

    def rounded_variables(self, layer: keras.Layer) -> list[Tensor]:
        """The same as the forward pass sees them: kernels of 4 bits are rounded, as they are in the file."""
        # A private name of TFMOT's wrapper, which has no other word on what it rounds.
        pairs = [pair for one in self.model.layers for pair in getattr(one, "_weight_vars", ())]
        rounded = {weight.ref(): quantizer(weight, False, weights=held) for weight, quantizer, held in pairs}
        return [rounded.get(variable.ref(), variable) for variable in self.variables(layer)]

    def scopes(self) -> dict[str, str]:
        """The name of the Keras 3 layer for each name scope under which its operations may be found."""
        found = {name: name for name in self.rebuilt.wrapped}
        for name, chain in self.rebuilt.twins.items():
            for layer in chain:
                found[layer.name] = found[PREFIX + layer.name] = name
        return found


class OutputOnly(tfmot.quantization.keras.QuantizeConfig):
    """Quantizes what a float layer gives, so that the layer after it has integers to work on."""

    def get_weights_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[object]:  # noqa: ARG002
        """None: the weights stay float."""
        return []

    def get_activations_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[object]:  # noqa: ARG002
        """None: the activation stays float."""
        return []

    def set_quantize_weights(self, layer: tf_keras.layers.Layer, quantize_weights: Any) -> None:
        """Nothing to set."""
        del layer, quantize_weights

    def set_quantize_activations(self, layer: tf_keras.layers.Layer, quantize_activations: Any) -> None:
        """Nothing to set."""
        del layer, quantize_activations

    def get_output_quantizers(self, layer: tf_keras.layers.Layer) -> list[object]:  # noqa: ARG002
        """8 bits, range by moving average, as the scheme has it for outputs."""
        return [
            tfmot.quantization.keras.quantizers.MovingAverageQuantizer(
                num_bits=8, per_axis=False, symmetric=False, narrow_range=False
            )
        ]

    def get_config(self) -> Json:
        """No options."""
        return {}


def unsupported(layer: keras.Layer, bits: int = 8) -> str | None:
    """Return why the scheme cannot stand this Keras 3 layer, even unquantized beside others; None if it can.

    TFMOT simulates the output of a layer before a quantized one, and fails on an activation it does not know; the
    converter fails on 4-bit transposed convolutions.
    """
    if bits == 4 and isinstance(layer, keras.layers.Conv2DTranspose):
        return "the converter has no transposed convolution with 4-bit weights"
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", "linear")
    if activation is None or name in ACTIVATIONS | {"silu"}:
        return None
    return f"the 8-bit scheme of TensorFlow Model Optimization does not cover the activation {name}"


class Coverage(NamedTuple):
    """Names of the layers in tf_keras that a scheme covers, and of those that feed them; and why others stay float.

    `left_float` has the names of Keras 3 layers.
    """

    scheme: Any
    covered: set[str]
    feeding: set[str]
    left_float: dict[str, str]


def coverage(rebuilt: TfKerasCopy, bits: int = 8) -> Coverage:
    """Return what the scheme for weights of 8 or 4 `bits` covers; raise `UnsupportedError` if that is no weights."""
    scheme = (
        default_8bit_quantize_scheme.Default8BitQuantizeScheme()
        if bits == 8
        else default_n_bit_quantize_scheme.DefaultNBitQuantizeScheme(num_bits_weight=bits, num_bits_activation=8)
    )
    registry = scheme.get_quantize_registry()
    layers = rebuilt.model.layers
    covered = {layer.name for layer in layers if _folds(layer, registry) or _reason(layer, registry) is None}
    feeding = {layer.name for layer in layers if layer.name not in covered and _feeds(layer, covered)}
    if not any(layer.weights for layer in layers if layer.name in covered):
        raise UnsupportedError(
            "no layer with weights is covered by the 8-bit scheme of TensorFlow Model Optimization:"
            " use `precision` int8 without `qat`"
        )
    return Coverage(scheme, covered, feeding, dict(_left_float(rebuilt, registry)))


def quantization_aware(rebuilt: TfKerasCopy, bits: int = 8) -> QuantizationAware:
    """Wrap what the scheme for weights of 8 or 4 `bits` covers; raise `UnsupportedError` if that is no weights."""
    scheme, covered, feeding, left_float = coverage(rebuilt, bits)
    quantization = tfmot.quantization.keras

    def annotated(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        if layer.name in covered:
            return quantization.quantize_annotate_layer(layer)
        return quantization.quantize_annotate_layer(layer, OutputOnly()) if layer.name in feeding else layer

    scope = {"Keras3Wrapper": rebuilt.wrapper, "OutputOnly": OutputOnly}
    tf_keras.backend.reset_uids()  # names of new layers go into the .tflite, and shall not count earlier calls
    with quantization.quantize_scope(), tf_keras.utils.custom_object_scope(scope):
        model = tf_keras.models.clone_model(rebuilt.model, clone_function=annotated)
        return QuantizationAware(quantization.quantize_apply(model, scheme), rebuilt, left_float)


def _feeds(layer: tf_keras.layers.Layer, covered: set[str]) -> bool:
    """Return whether a float layer with one input and one output tensor goes straight into a quantized kernel."""
    if isinstance(layer, tf_keras.layers.InputLayer) or len(layer.inbound_nodes) != 1 or _is_lstm(layer):
        return False
    node = layer.inbound_nodes[0]
    single = len(node.call_args) == 1 and not node.call_kwargs and not isinstance(layer.output, list | tuple)
    return single and _reaches_kernel(layer, covered)


def _is_lstm(layer: tf_keras.layers.Layer) -> bool:
    """Return whether this becomes LiteRT's own LSTM kernel, which must not have quantized outputs and float weights."""
    inner = layer.forward_layer if isinstance(layer, tf_keras.layers.Bidirectional) else layer
    return isinstance(inner, tf_keras.layers.LSTM)


def _reaches_kernel(layer: tf_keras.layers.Layer, covered: set[str]) -> bool:
    after = [node.outbound_layer for node in layer.outbound_nodes]
    return any(
        follower.name in covered and (bool(follower.weights) or _reaches_kernel(follower, covered))
        for follower in after
        if follower.weights or isinstance(follower, PASSING)
    )


def calibrate(model: tf_keras.Model, batches: Iterable[Tensor]) -> None:
    """Set the activation ranges to the mean over `batches` of their smallest and largest values.

    Batch normalization and dropout behave as in inference meanwhile, so that nothing but the ranges changes.
    """
    inner = [getattr(layer, "layer", layer) for layer in model.layers]
    normalizations = {
        layer: layer.trainable for layer in inner if isinstance(layer, tf_keras.layers.BatchNormalization)
    }
    rates = {layer: layer.rate for layer in inner if isinstance(getattr(layer, "rate", None), float)}
    for layer in normalizations:
        layer.trainable = False
    for layer in rates:
        layer.rate = 0.0
    try:
        for number, batch in enumerate(batches):
            with _decay(1 - 1 / (number + 1)):
                model(batch, training=True)
    finally:
        for layer, trainable in normalizations.items():
            layer.trainable = trainable
        for layer, rate in rates.items():
            layer.rate = rate


@contextlib.contextmanager
def _decay(value: float) -> Iterator[None]:
    """Let the ranges move with this decay instead of 0.999, which TFMOT does not let one choose."""
    original = quant_ops.MovingAvgQuantize
    quant_ops.MovingAvgQuantize = lambda *args, **options: original(*args, **{**options, "ema_decay": value})
    try:
        yield
    finally:
        quant_ops.MovingAvgQuantize = original


def _reason(layer: tf_keras.layers.Layer, registry: Any) -> str | None:
    """Return why the scheme leaves a layer float, or None if it covers it."""
    kind = type(layer).__name__
    if not registry.supports(layer) or isinstance(layer, tf_keras.layers.RNN):
        return f"the 8-bit scheme of TensorFlow Model Optimization does not cover {kind}"
    return None


def _left_float(rebuilt: TfKerasCopy, registry: Any) -> Iterable[tuple[str, str]]:
    yield from rebuilt.wrapped.items()
    for name, layers in rebuilt.twins.items():
        for layer in layers:
            reason = _reason(layer, registry)
            if reason and layer.weights and not _folds(layer, registry):
                yield name, reason


def _folds(layer: tf_keras.layers.Layer, registry: Any) -> bool:
    """Return whether this is a batch normalization that belongs to the convolution or dense layer before it alone.

    The scheme quantizes the two as one, and the converter folds it into the weights.
    """
    if not isinstance(layer, tf_keras.layers.BatchNormalization) or len(layer.inbound_nodes) != 1:
        return False
    before = layer.inbound_nodes[0].inbound_layers
    return (
        isinstance(before, FOLDING)
        and _reason(before, registry) is None
        and before.activation is tf_keras.activations.linear
        and len(before.outbound_nodes) == 1
    )


def export(model: tf_keras.Model, batch: int | None, length: int | None, folder: Path) -> None:
    """Write `model` for inference into `folder`.

    Args:
        model: What was trained.
        batch: The batch size to fix; None leaves it free. For LiteRT's own recurrent kernels it must be fixed.
        length: What free sizes other than that of the batch become; None leaves them free.
        folder: Gets the SavedModel.
    """
    specs = [
        tf.TensorSpec(
            (batch or tensor.shape[0], *(size or length for size in tensor.shape[1:])), tensor.dtype, name=name
        )
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    ]
    module = tf.Module()
    module.variables_of_the_model = list(model.variables)
    module.serve = tf.function(lambda *inputs: model(list(inputs), training=False), input_signature=specs)
    tf.saved_model.save(module, str(folder), signatures=module.serve.get_concrete_function())
