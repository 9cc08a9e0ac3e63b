"""Float `.tflite` files become files of small integers by LiteRT Quantizer, which works in a process of its own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfopt.config.choices import Form
from tfopt.conversion.child import run_child
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.runtime.progress import Progress
from tfopt.runtime.temporary_files import temporary_folder
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.jobs import MixJob, QuantizeJob
from tfopt.typing import Array, Options


def quantize(
    source: TfliteArtifact,
    config: QuantizeConfig,
    calibration: Mapping[str, Array],
    progress: Progress,
    variants: Sequence[Sequence[str]] = ((),),
) -> list[TfliteArtifact]:
    """Quantize a float file once for each of `variants`, the names of operations that stay in float.

    `calibration` has an array (N, ...) for each input by its name. Raises `ConversionError`.
    """
    with temporary_folder() as folder:
        (folder / "float.tflite").write_bytes(source.payload)
        if calibration:
            arrays: Options = dict(calibration)
            np.savez(folder / "calibration.npz", **arrays)
        job = QuantizeJob(config=config, variants=[list(kept) for kept in variants])
        run_child("techniques.quantization.quantizer_process", folder, job, source.name, progress)
        stem = Path(source.name).stem.removesuffix("-float")
        payloads = [(folder / f"quantized-{number}.tflite").read_bytes() for number in range(len(variants))]
    return [TfliteArtifact(f"{stem}-{config.name}.tflite", payload, order=source.order) for payload in payloads]


def mixed(source: TfliteArtifact, forms: Mapping[Form, Sequence[str]], name: str, progress: Progress) -> TfliteArtifact:
    """Store the operations of a float file, by the names of their first outputs, each in its form (see `MixJob`)."""
    with temporary_folder() as folder:
        (folder / "float.tflite").write_bytes(source.payload)
        job = MixJob(forms={form: list(names) for form, names in forms.items()})
        run_child("techniques.quantization.mixing", folder, job, source.name, progress)
        return TfliteArtifact(name, (folder / "mixed.tflite").read_bytes(), order=source.order)
