"""The layers of a Keras model: what they give, weigh and cost."""

from math import prod

import keras
import numpy as np

from tfopt.errors import InputError, UnsupportedError
from tfopt.evaluation.keras_macs import keras_macs, layer_macs
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.kernels import find_kernels
from tfopt.graph.layer_names import named_layers
from tfopt.graph.model_io import call, explain_failures, inputs_of
from tfopt.graph.random_inputs import random_inputs
from tfopt.graph.replay import Call, is_graph, replay
from tfopt.inspection.verdicts import verdicts
from tfopt.report.inspection import LayerFacts, Verdict
from tfopt.runtime.progress import Progress
from tfopt.typing import Options, Tensor

Shapes = list[list[int | None]]


def keras_facts(artifact: KerasArtifact, progress: Progress, *, trial: bool) -> Options:
    """Return what an `Inspection` says of a Keras model, its layers in order, those of nested models by their path."""
    model = artifact.model
    total, own = keras_macs(model), layer_macs(model)
    shapes = _output_shapes(model)
    judged, notes = verdicts(artifact, progress, trial=trial)
    weights = model.weights
    macs = {name: None if own is None else own.get(name, 0) for name, _ in named_layers(model)}
    layers = tuple(
        _layer(name, layer, shapes.get(name, []), macs[name], judged.get(name, {}))
        for name, layer in named_layers(model)
    )
    return {
        "parameters": sum(prod(weight.shape) for weight in weights),
        "nonzero_parameters": sum(int(np.count_nonzero(weight.numpy())) for weight in weights),
        "macs": total,
        "unattributed_macs": (total or 0) - sum(layer.macs or 0 for layer in layers),
        "layers": layers,
        "notes": [*_failures(artifact), *notes],
    }


def _failures(artifact: KerasArtifact) -> list[str]:
    """Say so if a model cannot be run on a sample of noise, whose size it must say."""
    sizes = [size for tensor in inputs_of(artifact.model) for size in tensor.shape[1:]]
    if None in sizes or "string" in artifact.input_types():
        return []
    try:
        with explain_failures(artifact.name):
            call(artifact.model, random_inputs(artifact.model, batch=1))
    except InputError as error:
        return [str(error)]
    return []


def _layer(
    name: str, layer: keras.Layer, shapes: Shapes, macs: int | None, techniques: dict[str, Verdict]
) -> LayerFacts:
    arrays = [weight.numpy() for weight in layer.weights]
    own = [arrays[kernel.position] for kernel in find_kernels(layer)]
    held = sum(array.size for array in own)
    return LayerFacts(
        layer=name,
        kind=type(layer).__name__,
        output_shapes=shapes,
        parameters=sum(array.size for array in arrays),
        trainable=sum(prod(weight.shape) for weight in layer.trainable_weights),
        macs=macs,
        bytes=sum(array.nbytes for array in arrays),
        sparsity=1 - sum(int(np.count_nonzero(array)) for array in own) / held if held else None,
        dtypes=sorted({str(array.dtype) for array in arrays}),
        techniques=techniques,
    )


def _output_shapes(model: keras.Model) -> dict[str, Shapes]:
    """The shapes of what each layer gives, batch axis first, in its last call; those of inputs are their own."""
    found: dict[str, Shapes] = {}
    if not is_graph(model):
        return found

    def visit(call: Call) -> Tensor:
        outputs = call.operation(*call.args, **call.kwargs)
        found[call.name] = [list(tensor.shape) for tensor in keras.tree.flatten(outputs)]
        return outputs

    try:
        inputs = inputs_of(model)
        replay(model, inputs, visit)
    except UnsupportedError:
        return {}
    return {**found, **{tensor.name: [list(tensor.shape)] for tensor in inputs}}
