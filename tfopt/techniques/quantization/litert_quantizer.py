"""Float `.tflite` files become files of small integers by LiteRT Quantizer, which works in a process of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from tfopt.config.choices import Form
from tfopt.conversion.converter_process import LARGE, run_converter
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.quantizer_process import KnownRange
from tfopt.techniques.quantization.variant import Variant
from tfopt.typing import Array

CHILD = "tfopt.techniques.quantization.quantizer_process"


def quantize_files(
    source: TfliteArtifact,
    config: QuantizeConfig,
    calibration: Mapping[str, Array],
    progress: Progress,
    variants: Sequence[Variant] = (Variant(),),
    known: Mapping[str, KnownRange] = MappingProxyType({}),
) -> list[TfliteArtifact]:
    """Quantize a float file, once for each variant.

    Args:
        source: The float file.
        config: How to quantize.
        calibration: An array (N, ...) for each input by its name.
        progress: Shows the stages.
        variants: The operations of each that are stored otherwise.
        known: The ranges of tensors that need not be calibrated, by their names.

    Returns:
        An artifact for each variant.

    Raises:
        ConversionError: If LiteRT Quantizer cannot do it, or what it makes does not run.
    """
    arrays = {name: np.asarray(array) for name, array in calibration.items()}
    with temporary_folder() as folder:
        (folder / "float.tflite").write_bytes(source.payload)
        run_converter(
            f"{CHILD}:run_quantizer",
            folder,
            config,
            arrays,
            variants,
            dict(known),
            title=source.name,
            progress=progress,
            lasting=len(source.payload) < LARGE,
        )
        stem = Path(source.name).stem.removesuffix("-float")
        payloads = [(folder / f"quantized-{number}.tflite").read_bytes() for number in range(len(variants))]
    name = f"{stem}-{config.name}.tflite"
    return [
        TfliteArtifact(name, payload, order=source.order, probabilities=source.probabilities) for payload in payloads
    ]


def quantize_mixed(
    source: TfliteArtifact, forms: Mapping[Form, Sequence[str]], name: str, progress: Progress
) -> TfliteArtifact:
    """Store the operations of a float file each in a form of its own.

    Args:
        source: The float file.
        forms: Names of operations (of their first outputs) for each form, see `quantizer_process.run_mixed`.
        name: That of the new file.
        progress: Shows the stages.

    Returns:
        The new file, which runs.

    Raises:
        ConversionError: If LiteRT Quantizer cannot do it.
    """
    with temporary_folder() as folder:
        (folder / "float.tflite").write_bytes(source.payload)
        run_converter(f"{CHILD}:run_mixed", folder, dict(forms), title=source.name, progress=progress)
        payload = (folder / "mixed.tflite").read_bytes()
        return TfliteArtifact(name, payload, order=source.order, probabilities=source.probabilities)
