"""Each technique says by its own code what it would do with each layer: nothing is changed, nothing is trained."""

from collections.abc import Mapping

from tfopt.core import registry
from tfopt.core.context import Context
from tfopt.errors import TfoptError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.graph.layer_names import named_layers
from tfopt.report.inspection import Verdict
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.post_training import int8_verdicts

CONVERTING = "quantize"  # of which a file is made on trial
NOT_TRIED = "told from the model alone, no conversion was tried: `trial` converts and quantizes it to see"


def verdicts(
    artifact: KerasArtifact, progress: Progress, *, trial: bool
) -> tuple[dict[str, dict[str, Verdict]], list[str]]:
    """Ask every technique what it can do with each layer of a model.

    Args:
        artifact: The model.
        progress: Shows which technique is asked.
        trial: Whether the model is converted and quantized to see; otherwise that is told from the model alone.

    Returns:
        For each layer with weights the verdicts by technique, and a note on each technique that can do nothing at all.
    """
    asked = registry.names()
    found: dict[str, dict[str, Verdict]] = {name: {} for name, layer in named_layers(artifact.model) if layer.weights}
    notes = []
    with progress.task("asking the techniques", len(asked)) as advance:
        for name in asked:
            column = name
            answers: Mapping[str, Verdict] | None = None
            try:
                technique = registry.technique(name)
                column = technique.column or name
                if name == CONVERTING and trial:
                    answers = int8_verdicts(artifact, progress)
                else:
                    answers = technique.plan(artifact, technique.config(), Context(progress=progress))
                if name == CONVERTING and not trial:
                    notes.append(f"{column}: {NOT_TRIED}")
            except TfoptError as error:
                notes.append(f"{column}: {error}")
            for layer, own in found.items():
                if answers:
                    own[column] = answers.get(layer, Verdict(can=False, detail="it shares its weights"))
            advance(1, column)
    return found, notes
