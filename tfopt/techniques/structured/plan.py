"""Before channels leave a model: which will, and what that leaves of each layer, without making the smaller model."""

from tfopt.core.context import Context
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.residual_blocks import remove_blocks
from tfopt.report.inspection import Verdict
from tfopt.techniques.structured.block_removal import removable_blocks
from tfopt.techniques.structured.candidates import Candidates, candidates
from tfopt.techniques.structured.config import StructuredConfig
from tfopt.techniques.structured.layer_changes import Shapes, narrowed
from tfopt.techniques.structured.targets import estimated_amount
from tfopt.typing import Array


def planned_layers(artifact: KerasArtifact, config: StructuredConfig, context: Context) -> dict[str, Verdict]:
    """Say what will become of each layer, or of each block; with `iterative`, later steps depend on fine-tuning."""
    if config.structured == "layers":
        return _blocks(artifact, config)
    found = candidates(artifact.model, config, context.data, artifact.name)
    scopes = config.scopes(with_data=context.data is not None)
    amount = estimated_amount(config, found, scopes[0])
    if amount is None or len(scopes) > 1:
        return _undecided(found, config)
    changes = narrowed(found, _shapes_with(found, found.kept_ids(config, amount, scopes[0])))
    return {change.layer: Verdict(can=change.action != "skipped", detail=change.detail) for change in changes}


def _shapes_with(found: Candidates, kept: Array) -> Shapes:
    return {name: found.costs.shapes_with(name, kept) for name in found.costs.shapes}


def _undecided(found: Candidates, config: StructuredConfig) -> dict[str, Verdict]:
    """Say of each layer whether it may get smaller, where models have to be timed or compared to know by how much."""
    name, share = config.target or ("amount", config.share)
    changes = narrowed(found, _shapes_with(found, found.kept_ids(config, 1.0, "local")))
    told = f"as many channels leave as `{name}` {share:g} needs"
    able = {change.layer: Verdict(can=True, detail=told) for change in changes if change.action != "skipped"}
    return able | {
        change.layer: Verdict(can=False, detail=change.detail) for change in changes if change.action == "skipped"
    }


def _blocks(artifact: KerasArtifact, config: StructuredConfig) -> dict[str, Verdict]:
    flat = remove_blocks(artifact.model, [], artifact.name)
    found = removable_blocks(flat, config)
    if config.target:
        name, share = config.target
        told = f"may leave: as many of {len(found)} blocks do as `{name}` {share:g} needs"
    else:
        told = f"may leave: {round(config.share * len(found))} of {len(found)} blocks do"
    detail = f"{told}, each time the one without which the validation loss is lowest"
    return {block.name: Verdict(can=True, detail=detail) for block in found}
