"""A recipe for LiteRT Quantizer is rules in order, of which the last that fits an operation and works for it counts.

Weights are symmetric and per channel. Where LiteRT has no kernel for few bits the rule before stands: 8 bits.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.qtyping import (
    ComputePrecision,
    OpQuantizationConfig,
    QuantGranularity,
    TensorDataType,
    TensorQuantizationConfig,
    TFLOperationName,
)
from litert_quantizer.recipe_manager import RecipeManager

from tfopt.config.choices import Form
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.variant import Variant
from tfopt.typing import Json

ALGORITHMS = {
    "mse": AlgorithmName.MSE,
    "octav": AlgorithmName.OCTAV,
    "gptq": AlgorithmName.GPTQ,
}
BITS = {"int8": 8, "int4": 4, "int3": 4, "int2": 2}  # that LiteRT stores
ACTIVATION_BITS = {"int8": 8, "int16": 16}
ALL = TFLOperationName.ALL_SUPPORTED
DENSE = TFLOperationName.FULLY_CONNECTED
# The quantizer has no rule of its own for few bits here, but LiteRT runs it where weights are unpacked first.
UNPACKED = (
    DENSE,
    TFLOperationName.CONV_2D,
    TFLOperationName.DEPTHWISE_CONV_2D,
    TFLOperationName.CONV_2D_TRANSPOSE,
)


@dataclass(frozen=True)
class Loops:
    """Names of the operations inside of loops, and of the tensors that go into them and come out."""

    operations: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


def recipe(config: QuantizeConfig, variant: Variant, loops: Loops, lost: Sequence[str] = ()) -> list[Json]:
    """Rules for `config`; the spared operations of a variant stay in float, or get 8 bits of fewer.

    Those in `lost` (names of their first outputs) stay in float in any case.

    Operations in loops cannot be calibrated: they get 8-bit weights, and their activations are quantized as they come.
    """
    manager, kept = RecipeManager(), variant.spared
    wide = config.model_copy(update={"weights": "int8", "algorithm": "minmax"})
    for index, (operation, algorithm, rule) in enumerate(_rules(config if variant.widths is None else wide)):
        everything = f"(?#{index})"  # matches any name; the manager keeps one rule for each expression and operation
        manager.add_quantization_config(everything, operation, rule, algorithm)
    ends = (TFLOperationName.INPUT, TFLOperationName.OUTPUT)
    if config.static:
        if loops.operations:
            inside = _any_of(loops.operations)
            manager.add_quantization_config(inside, ALL, algorithm_key=AlgorithmName.NO_QUANTIZE)
            manager.add_quantization_config(f"(?#loop){inside}", ALL, _rule(8, dynamic=True))
        if config.io == "uint8":
            for end in ends:
                manager.add_quantization_config("(?#unsigned)", end, _rule(8, 8, dtype=TensorDataType.UINT))
        for names in [".*"] if config.io == "float" else [_any_of(loops.ends)] if loops.ends else []:
            for end in ends:
                manager.add_quantization_config(names, end, algorithm_key=AlgorithmName.NO_QUANTIZE)
    activations, dynamic = ACTIVATION_BITS.get(config.precision), config.precision == "dynamic"
    for bits, outputs in (variant.widths or {}).items():
        for operation in UNPACKED if outputs else ():
            unpacked = dynamic and bits == 2 and operation != DENSE  # with dynamic activations it gives NaN
            rule = _rule(bits, activations, dynamic=dynamic and not unpacked, skip_checks=True)
            pattern = f"(?#{bits}){_any_of(outputs)}"
            manager.add_quantization_config(pattern, operation, rule, AlgorithmName.MIN_MAX_UNIFORM_QUANT)
    if kept and BITS[config.weights] < 8:
        for operation in UNPACKED:
            rule = _rule(8, activations, dynamic=dynamic)
            manager.add_quantization_config(_any_of(kept), operation, rule, AlgorithmName.MIN_MAX_UNIFORM_QUANT)
    elif kept:
        manager.add_quantization_config(_any_of(kept), ALL, algorithm_key=AlgorithmName.NO_QUANTIZE)
    if lost:
        manager.add_quantization_config(f"(?#lost){_any_of(lost)}", ALL, algorithm_key=AlgorithmName.NO_QUANTIZE)
    rules: list[Json] = manager.get_quantization_recipe()
    return rules


def mixture(forms: Mapping[Form, Sequence[str]]) -> list[Json]:
    """Rules that store the operations of each form in that form; the others stay in float."""
    manager = RecipeManager()
    for form, names in forms.items():
        rule = _rule(8, skip_checks=True) if form == "weights" else _rule(BITS[form], dynamic=True, skip_checks=True)
        for operation in UNPACKED if names else ():
            manager.add_quantization_config(
                f"(?#{form}){_any_of(names)}", operation, rule, AlgorithmName.MIN_MAX_UNIFORM_QUANT
            )
    rules: list[Json] = manager.get_quantization_recipe()
    return rules


Rule = tuple[TFLOperationName, str, OpQuantizationConfig]


def _rules(config: QuantizeConfig) -> Iterator[Rule]:
    if config.precision == "float16":
        yield ALL, AlgorithmName.FLOAT_CASTING, _float16()
        return
    plain = AlgorithmName.MIN_MAX_UNIFORM_QUANT
    activations = ACTIVATION_BITS.get(config.precision)
    dynamic = config.precision == "dynamic"
    bits = BITS[config.weights]
    best = ALGORITHMS.get(config.algorithm, plain)
    dense = [DENSE] if best == AlgorithmName.GPTQ else [ALL]  # GPTQ is there for dense layers only
    yield ALL, plain, _rule(8, activations, dynamic=dynamic)
    if bits < 8 and config.precision == "weights":
        for operation in UNPACKED:
            yield operation, plain, _rule(bits, skip_checks=True)
    elif bits == 4:
        yield ALL, plain, _rule(bits, activations, dynamic=dynamic)
    elif bits == 2 and config.static:
        yield DENSE, plain, _rule(bits, activations, skip_checks=True)
    elif bits == 2:
        yield DENSE, plain, _rule(bits, dynamic=True)
        yield TFLOperationName.CONV_2D, plain, _rule(bits, skip_checks=True)  # with dynamic activations it gives NaN
    if activations:
        yield TFLOperationName.BATCH_MATMUL, plain, _rule(8, activations, of_tensor=True)
    if config.block:
        yield DENSE, plain, _rule(bits, dynamic=True, block=config.block)
    if best != plain:
        for operation in dense:
            yield operation, best, _rule(bits, activations, dynamic=dynamic, block=config.block)


def _rule(
    bits: int,
    activations: int | None = None,
    *,
    dynamic: bool = False,
    block: int | None = None,
    skip_checks: bool = False,
    of_tensor: bool = False,
    dtype: TensorDataType = TensorDataType.INT,
) -> OpQuantizationConfig:
    """Weights of `bits`, and activations of that many bits with fixed ranges, quantized as they come, or in float.

    Weights have a scale for each channel, for each `block` of a channel, or one for the whole tensor.
    """
    granularity = QuantGranularity.TENSORWISE if of_tensor else QuantGranularity.CHANNELWISE
    granularity = QuantGranularity(f"BLOCKWISE_{block}") if block else granularity
    ranges = None
    if activations:
        ranges = TensorQuantizationConfig(
            num_bits=activations,
            symmetric=activations == 16,
            granularity=QuantGranularity.TENSORWISE,
            dtype=dtype,
        )
    integer = bool(activations) or dynamic
    return OpQuantizationConfig(
        weight_tensor_config=TensorQuantizationConfig(num_bits=bits, symmetric=True, granularity=granularity),
        activation_tensor_config=ranges,
        compute_precision=ComputePrecision.INTEGER if integer else ComputePrecision.FLOAT,
        explicit_dequantize=not integer,
        skip_checks=skip_checks,
    )


def _float16() -> OpQuantizationConfig:
    return OpQuantizationConfig(
        weight_tensor_config=TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT),
        compute_precision=ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )


def _any_of(names: Sequence[str]) -> str:
    return "^(" + "|".join(re.escape(name) for name in names) + ");"


def loops_in(payload: bytes) -> Loops:
    """Return the names of the operations of all subgraphs but the main one, and of their inputs and outputs."""
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    operations, ends = [], []
    for graph in model.subgraphs[1:]:
        operations += [graph.tensors[operator.outputs[0]].name.decode() for operator in graph.operators]
        ends += [graph.tensors[index].name.decode() for index in (*graph.inputs, *graph.outputs)]
    return Loops(operations, ends)
