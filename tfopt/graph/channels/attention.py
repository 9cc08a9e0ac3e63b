"""Multi-head attention (Vaswani et al. 2017): heads leave whole, and so do channels of what goes in and comes out."""

import keras

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import LayerCall, TracedTensor, Untraceable


def multi_head_attention(call: LayerCall) -> list[Channels | None]:
    """Follow MultiHeadAttention: kernels (in, heads, size) of query, key, value, (heads, size, out) of the output."""
    layer = call.layer
    query, key, value = _inputs(call)
    if len(query.shape) != 3 or len(value.shape) != 3:
        raise Untraceable("attention over more than one axis")
    weights = {tuple(weight.path.split("/")[-2:]): weight for weight in layer.weights}
    heads = call.new_ids(layer.num_heads, "heads")
    for part, tensor in (("query", query), ("key", key), ("value", value)):
        kernel = weights[part, "kernel"]
        call.mark_weight(kernel, 0, call.read_ids(tensor), "reads")
        call.mark_weight(kernel, 1, heads, "makes")
        call.mark_weight(weights.get((part, "bias")), 0, heads, "follows")
    kernel = weights["attention_output", "kernel"]
    call.mark_weight(kernel, 0, heads, "reads")
    call.mark_size("num_heads", heads)
    if len(kernel.shape) != 3:
        raise Untraceable("an output of several axes")
    made = call.new_ids(kernel.shape[-1])
    call.mark_weight(kernel, -1, made, "makes")
    call.mark_weight(weights.get(("attention_output", "bias")), 0, made, "follows")
    call.mark_size("output_shape", made)
    answers: list[Channels | None] = [
        Channels(2, made),
        Channels(1, heads),
    ]  # the scores (N, heads, T, S), if asked for
    return answers[: len(keras.tree.flatten(call.output))]


def _inputs(call: LayerCall) -> tuple[TracedTensor, TracedTensor, TracedTensor]:
    """Return query, key and value; masks have no channels that could leave."""
    names = ("query", "value", "key")
    given = {**dict(zip(names, call.original.args, strict=False)), **call.original.kwargs}
    for name, tensor in given.items():
        if name not in names and isinstance(tensor, TracedTensor) and tensor.channels is not None:
            raise Untraceable(f"channels in its {name}")
    query, value = given["query"], given["value"]
    key = given.get("key")
    return query, value if key is None else key, value
