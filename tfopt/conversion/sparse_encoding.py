"""The sparse encoding of LiteRT stores of a pruned kernel only the weights that are not zero, and where they are.

Raw file size does not move with zeros; this encoding makes a pruned model's file smaller without quantization.
"""

from tfopt.conversion.config import FloatConfig
from tfopt.conversion.convert import convert
from tfopt.errors import UnsupportedError
from tfopt.formats.keras.artifact import KerasArtifact
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.packing import packed_size
from tfopt.runtime.progress import Progress

WORTH_TRYING = 0.1  # the converter encodes kernels that are sparse enough; with fewer zeros it is not even asked


def float_file(
    artifact: KerasArtifact, config: FloatConfig, progress: Progress
) -> tuple[TfliteArtifact, TfliteArtifact | None, list[str]]:
    """Convert a model into a float file, without its zeros if that is asked for or makes it smaller.

    Args:
        artifact: The model.
        config: Which sizes the file fixes, and how it stores zeros.
        progress: Is told the stages.

    Returns:
        The file, the plain one if zeros were left out, and notes for the report.

    Raises:
        UnsupportedError: `config` asks for a sparse file, and there is none that runs and is smaller.
        ConversionError: The model cannot be converted.
    """
    zeros = _zeros(artifact)
    wanted = config.sparse == "on" or (config.sparse == "auto" and zeros >= WORTH_TRYING)
    made = convert(artifact, progress, config, sparse=wanted)
    if made.sparse and packed_size(made.sparse.payload) < packed_size(made.artifact.payload):
        return made.sparse, made.artifact, [*made.notes, f"zeros, {zeros:.0%} of the weights, are left out of the file"]
    reason = f"it does not work: {made.failure}" if made.failure else "it would not be smaller"
    if config.sparse == "on":
        raise UnsupportedError(
            f"{artifact.name} has {zeros:.0%} zeros, which cannot be left out of its file: {reason}; prune it"
            " first with `tfopt prune --sparsity 0.8`, or use `sparse` auto"
        )
    return made.artifact, None, [*made.notes, *([f"zeros stay in the file: {reason}"] if wanted else [])]


def _zeros(artifact: KerasArtifact) -> float:
    kernels = [weight.numpy() for weight in artifact.model.weights if len(weight.shape) > 1]
    total = sum(kernel.size for kernel in kernels)
    return 1 - sum(int((kernel != 0).sum()) for kernel in kernels) / total if total else 0.0
