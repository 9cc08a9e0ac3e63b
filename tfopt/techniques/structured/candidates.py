"""One removal of channels: the channel graph, which groups compete, what leaves, the smaller model and its proof."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import keras
import numpy as np

from tfopt.config.choices import Scope
from tfopt.data.dataset import Dataset
from tfopt.errors import InputError, UnsupportedError
from tfopt.graph.channels.channel_graph import ChannelGraph
from tfopt.graph.channels.groups import ChannelGroup, find_groups
from tfopt.graph.channels.removal import remove_channels
from tfopt.graph.channels.tracing import trace
from tfopt.graph.channels.verification import verify
from tfopt.graph.layer_names import named_layers
from tfopt.graph.random_inputs import random_inputs
from tfopt.techniques.kernel_selection import excluded_by
from tfopt.techniques.structured.amounts import solved_counts
from tfopt.techniques.structured.channel_selection import GroupScores, kept_counts, least_important
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.costs import Costs
from tfopt.techniques.structured.importance import importances
from tfopt.typing import Array, Tensor

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
# With fewer input channels than this, oneDNN writes past the end of its memory when it trains a convolution of size 1
# with a stride on a CPU with AVX-512 (github.com/uxlfoundation/oneDNN/issues/6035), and the process dies.
SAFE_CHANNELS = 16
PROOF_SAMPLES = 2


@dataclass(frozen=True)
class Candidates:
    """Candidates for removal: the channel graph of a model, the groups that compete, and the score of each set."""

    model: keras.Model
    graph: ChannelGraph
    groups: list[ChannelGroup]
    groups_scores: list[GroupScores]
    notes: list[str]
    spared: list[ChannelGroup]
    exclude: re.Pattern[str] | None
    measures_errors: bool

    def kept_ids(self, config: StructuredConfig, amount: float, scope: Scope) -> Array:
        """Return which ids (n,) stay if a share `amount` of the channels leaves, or as much as costs the same.

        Errors are weighed against costs by `solved_counts`; other measures of importance are no errors.
        """
        if scope != "global" or not self.measures_errors:
            return self._without(kept_counts(self.groups_scores, amount, scope, config.round_to))
        count = self.costs.parameters if config.target_params else self.costs.multiplications
        return self._without(
            solved_counts(self.groups_scores, lambda kept: count(self._without(kept)), amount, config.round_to)
        )

    def _without(self, kept: Sequence[int]) -> Array:
        return ~np.isin(self.graph.roots, least_important(self.groups_scores, kept))

    @cached_property
    def costs(self) -> Costs:
        """The costs of the model."""
        return Costs.of(self.model, self.graph)

    def without(self, kept: Array, inputs: Sequence[Tensor]) -> tuple[keras.Model, float]:
        """The model with only the channels `kept`, and the largest difference that its proof found."""
        small = remove_channels(self.model, self.graph, kept)
        return small, verify(self.model, small, self.graph, kept, inputs)

    def removed(self, kept: Array) -> int:
        """Return how many sets leave."""
        return int(sum(np.count_nonzero(~kept[group.roots]) for group in self.groups))

    def total(self) -> int:
        """Return how many sets compete, in groups of which some can leave."""
        return sum(len(one.roots) for one in self.groups_scores if len(one.roots) > one.least)

    def why_kept(self, layer: str) -> str:
        """Return why nothing of a layer has left."""
        if any(layer in group.makers for group in self.groups):
            return "others matter less, or it is as small as it may get"
        if any(layer in (*group.followers, *group.readers) for group in self.groups):
            return "the channels that it is given stay"
        for group in self.spared:
            if layer in (*group.makers, *group.followers):
                return "excluded" if group.matches(self.exclude) else f"{group.kind} were not asked for"
        return self.graph.why_kept(layer)


def candidates(model: keras.Model, config: StructuredConfig, data: Dataset | None, title: str) -> Candidates:
    """Find what can leave; raises `UnsupportedError` if nothing can, `InputError` if `exclude` fits no layer."""
    graph = trace(model, title)
    found = find_groups(graph)
    wanted = _wanted(found, graph, config, title)
    measure = config.measure(with_data=data is not None)
    scores, known = importances(measure, model, graph, data, config.seed)
    unscored = [group.name for group in wanted if not known[group.roots].all()]
    notes = [f"`importance` {measure} has no measure for {_few(unscored)}: l2 instead"] if unscored else []
    layers = dict(named_layers(model))
    strided = {name for name, layer in layers.items() if _is_strided(layer)}
    frozen = [name for group in wanted for name in group.makers if not layers[name].trainable]
    if frozen and data is not None:
        notes.append(f"frozen, so that what is left of them is not fine-tuned: {_few(frozen)}")
    careful = [group for group in wanted if strided & set(group.readers)]
    if careful:
        notes.append(
            f"at least {SAFE_CHANNELS} channels stay of {_few([group.name for group in careful])}: with fewer, oneDNN"
            " corrupts memory when it trains the convolution of size 1 with a stride that reads them (oneDNN #6035)"
        )
    groups_scores = [
        GroupScores(
            group.roots,
            scores[group.roots],
            max(config.min_channels, SAFE_CHANNELS if group in careful else 1),
            bool(known[group.roots].all()),
        )
        for group in wanted
    ]
    spared = [group for group in found if group not in wanted]
    pattern = excluded_by(config.exclude)
    return Candidates(model, graph, wanted, groups_scores, notes, spared, pattern, measure == "reconstruction")


def proof_inputs(model: keras.Model, data: Dataset | None) -> list[Tensor]:
    """Two samples to run the proof on: of the train split, or made up."""
    if data is None:
        return list(random_inputs(model, batch=PROOF_SAMPLES))
    return [keras.ops.convert_to_tensor(x[:PROOF_SAMPLES]) for x in data.train.inputs]


def _wanted(found: list[ChannelGroup], graph: ChannelGraph, config: StructuredConfig, title: str) -> list[ChannelGroup]:
    pattern = excluded_by(config.exclude)
    if pattern and not any(map(pattern.search, graph.kinds)):
        raise InputError(f"`exclude` {config.exclude!r} matches no layer")
    left = [group for group in found if not group.matches(pattern)]
    wanted = [group for group in left if config.structured in ("auto", group.kind)]
    if wanted:
        return wanted
    if left:
        kinds = " and ".join(dict.fromkeys(group.kind for group in left))
        raise UnsupportedError(f"{title} has no {config.structured} that can leave; it has {kinds}")
    reasons = list(dict.fromkeys(graph.reasons.values() or graph.frozen.values()))
    why = "all are excluded" if found else " or ".join(reasons[:2]) or "it has none"
    raise UnsupportedError(f"no channels can leave {title}: {why}")


def _is_strided(layer: keras.Layer) -> bool:
    return isinstance(layer, CONVOLUTIONS) and set(layer.kernel_size) == {1} and set(layer.strides) != {1}


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} others" if len(names) > 3 else "")
