"""Multi-head attention (Vaswani et al. 2017): heads leave whole, and so do channels of what goes in and comes out."""

import keras

from tfopt.graph.channels.channel_graph import Channels
from tfopt.graph.channels.tracker import CannotFollow, Site, Traced


def multi_head(site: Site) -> list[Channels | None]:
    """MultiHeadAttention: kernels (in, heads, size) for query, key and value, and (heads, size, out) for the output."""
    layer = site.layer
    query, key, value = _inputs(site)
    if len(query.shape) != 3 or len(value.shape) != 3:
        raise CannotFollow("attention over more than one axis")
    weights = {tuple(weight.path.split("/")[-2:]): weight for weight in layer.weights}
    heads = site.made(layer.num_heads, "heads")
    for part, tensor in (("query", query), ("key", key), ("value", value)):
        kernel = weights[part, "kernel"]
        site.cut(kernel, 0, site.reads(tensor), "reads")
        site.cut(kernel, 1, heads, "makes")
        site.cut(weights.get((part, "bias")), 0, heads, "follows")
    kernel = weights["attention_output", "kernel"]
    site.cut(kernel, 0, heads, "reads")
    site.size("num_heads", heads)
    if len(kernel.shape) != 3:
        raise CannotFollow("an output of several axes")
    made = site.made(kernel.shape[-1])
    site.cut(kernel, -1, made, "makes")
    site.cut(weights.get(("attention_output", "bias")), 0, made, "follows")
    site.size("output_shape", made)
    answers: list[Channels | None] = [
        Channels(2, made),
        Channels(1, heads),
    ]  # the scores (N, heads, T, S), if asked for
    return answers[: len(keras.tree.flatten(site.output))]


def _inputs(site: Site) -> tuple[Traced, Traced, Traced]:
    """Query, key and value; masks have no channels that could leave."""
    names = ("query", "value", "key")
    given = {**dict(zip(names, site.call.args, strict=False)), **site.call.kwargs}
    for name, tensor in given.items():
        if name not in names and isinstance(tensor, Traced) and tensor.channels is not None:
            raise CannotFollow(f"channels in its {name}")
    query, value = given["query"], given["value"]
    key = given.get("key")
    return query, value if key is None else key, value
