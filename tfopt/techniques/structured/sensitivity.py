"""A group of channels is worth what the validation loss grows by without a share of it; it costs what that saves.

Each group is tried by itself, without fine-tuning; the channels are silenced where weights read them.
"""

import numpy as np

from tfopt.core.context import Context
from tfopt.errors import InputError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.channels.removal import zero_channels
from tfopt.report.schema import GroupLoss
from tfopt.techniques.structured.candidates import candidates
from tfopt.techniques.structured.channel_selection import channels_to_remove
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.costs import Costs

FLOAT_BYTES = 4


def group_losses(
    artifact: KerasArtifact, config: StructuredConfig, context: Context
) -> tuple[list[GroupLoss], list[str]]:
    """Return what leaves each group and what that does to the loss, largest increase first, and notes.

    Raises `InputError` without data, `UnsupportedError` if nothing can leave.
    """
    data, evaluator, progress = context.data, context.evaluator, context.progress
    if data is None or evaluator is None:
        raise InputError("`structured` measures the loss on the validation split, and there is no data: give `data`")
    model = artifact.fresh_model()
    found = candidates(model, config, data, artifact.name)
    costs, weights, loss = Costs.of(model, found.graph), model.get_weights(), evaluator.loss(model)
    everything = np.ones(len(found.graph.roots), bool)
    macs, parameters, before = costs.multiplications(everything), costs.parameters(everything), loss()
    losses = []
    with progress.task("silencing each group", len(found.groups)) as advance:
        for group, group_scores in zip(found.groups, found.groups_scores, strict=True):
            left = ~np.isin(found.graph.roots, channels_to_remove([group_scores], config.share, "local"))
            model.set_weights(zero_channels(model, found.graph, left))
            after = loss()
            model.set_weights(weights)
            losses.append(
                GroupLoss(
                    group=group.name,
                    kind=group.kind,
                    channels=len(group.roots),
                    removed=int(np.count_nonzero(~left[group.roots])),
                    macs=round(macs - costs.multiplications(left)),
                    bytes=FLOAT_BYTES * (parameters - costs.parameters(left)),
                    increase=after - before,
                )
            )
            advance(1, group.name)
    note = (
        f"loss on the validation split, {before:.4f} before; {config.share:g} of each group alone is silenced, the"
        f" least important by {config.measure(with_data=True)}, without fine-tuning"
    )
    return sorted(losses, key=lambda one: -one.increase), [note, *found.notes]
