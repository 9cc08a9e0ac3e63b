"""The work of LiteRT Quantizer, done in a child process (see `litert_quantizer`).

TensorFlow is not loaded there: LiteRT Quantizer works on the file, as Google recommends since quantization inside the
converter is deprecated.
"""

import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from tfopt.config.choices import Form
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import bytes_of_a_run
from tfopt.formats.tflite.remaining_weights import Kind, shrink_remaining
from tfopt.formats.tflite.shared_weights import with_shared_scales
from tfopt.formats.tflite.zero_channels import mend_zero_channels
from tfopt.runtime.progress import Progress
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.variant import Variant
from tfopt.typing import Array, Json

KnownRange: TypeAlias = tuple[Array, Array]
"""The smallest and the largest number of a tensor, or of each output channel of a constant, with its axes."""

REMAINING: dict[str, Kind] = {"dynamic": "hybrid", "weights": "unpacked", "float16": "float16"}
TOLERANCE = 0.1  # of the largest answer, that 8-bit weights of an LSTM or an embedding may make; most make 0.01
BATCH = 32  # where the file leaves it free, and so many samples fit
MOST_BYTES = 2**31  # that the tensors of a run may take, of which all are kept
TASK = "converting"


def prepare() -> None:
    """Import what takes a while."""
    from litert_quantizer import quantizer  # noqa: F401

    from tfopt.techniques.quantization import integer_range, recipes  # noqa: F401


def run_quantizer(
    progress: Progress,
    folder: Path,
    config: QuantizeConfig,
    calibration: Mapping[str, Array],
    variants: Sequence[Variant],
    known: Mapping[str, KnownRange] = MappingProxyType({}),
) -> None:
    """Make of `float.tflite` one file for each variant: `quantized-0.tflite`, `quantized-1.tflite`, ...

    Args:
        progress: Is told the stages.
        folder: Has the file, and gets what is made of it.
        config: How to quantize.
        calibration: An array (N, ...) for each input by its name in the signature.
        variants: The operations of each that are stored otherwise.
        known: The ranges of tensors that need not be observed, by their names.

    Raises:
        ArithmeticError: If a file gives NaN or infinity.
        InputError: If a file does not run.
    """
    with progress.task(TASK, None) as stage:
        stage(1, "loading LiteRT Quantizer")
        from litert_quantizer import quantizer

        from tfopt.techniques.quantization.activation_ranges import clipped_ranges
        from tfopt.techniques.quantization.integer_range import not_for_integers, with_room_for_zeros
        from tfopt.techniques.quantization.recipes import loops_in, recipe

        source = folder / "float.tflite"
        inside = loops_in(source.read_bytes())
        feeds = _batches(calibration, source)
        ranges: Json | None = None
        if config.calibrated:
            stage(1, f"calibrating on {len(feeds)} batches")
            ranges = _observed(source, recipe(config, Variant(), inside), feeds, config, loops=bool(inside.operations))
            ranges |= {name: {"min": low, "max": high} for name, (low, high) in known.items()}
        lost = not_for_integers(source.read_bytes(), ranges) if ranges and config.static else []
        ranges = with_room_for_zeros(ranges) if ranges else ranges
        narrow = ranges
        if ranges and any(variant.clipped for variant in variants):
            stage(1, "clipping the ranges of activations")
            narrow = clipped_ranges(TfliteArtifact(source.name, source.read_bytes()), ranges, feeds)
        for number, variant in enumerate(variants):
            worker = quantizer.Quantizer(str(source))
            worker.load_quantization_recipe(recipe(config, variant, inside, lost))
            stage(1, f"quantizing to {config.name}")
            payload = bytes(
                worker.quantize(narrow if variant.clipped else ranges, enable_progress_report=False).quantized_model
            )
            found = TfliteArtifact("quantized.tflite", payload).outputs(feeds[0]) if feeds else {}
            if not all(np.isfinite(value).all() for value in found.values()):
                raise ArithmeticError(f"as {config.name} it gives NaN or infinity")
            if config.static:
                payload = with_shared_scales(mend_zero_channels(payload, source.read_bytes()), source.read_bytes())
            if config.precision in REMAINING:
                payload = _without_remaining_floats(payload, REMAINING[config.precision], variant.spared, feeds)
            (folder / f"quantized-{number}.tflite").write_bytes(payload)


def _without_remaining_floats(
    payload: bytes, kind: Kind, spared: Container[str], feeds: Sequence[Mapping[str, Array]]
) -> bytes:
    """Store what the quantizer has left in floats with fewer bytes, if that answers nearly the same."""
    shrunk = shrink_remaining(payload, kind, spared)
    if shrunk is payload:
        return payload
    before, after = TfliteArtifact("before.tflite", payload), TfliteArtifact("after.tflite", shrunk)
    feed = feeds[0] if feeds else _noise(before)
    for wanted, found in zip(before.outputs(feed).values(), after.outputs(feed).values(), strict=True):
        if not np.abs(found - wanted).max(initial=0) <= TOLERANCE * np.abs(wanted).max(initial=0):
            return payload
    return shrunk


def _noise(artifact: TfliteArtifact) -> dict[str, Array]:
    """Return a sample of noise for each input of floats, and of zeros for others, which may be the numbers of words."""
    noise = np.random.default_rng(0)
    ends = zip(artifact.input_names, artifact.input_shapes(), artifact.input_types(), strict=True)
    shapes = {name: ([size or 1 for size in shape], np.dtype(kind)) for name, shape, kind in ends}
    return {
        name: (noise.normal(size=shape) if kind.kind == "f" else np.zeros(shape)).astype(kind)
        for name, (shape, kind) in shapes.items()
    }


def run_mixed(progress: Progress, folder: Path, forms: Mapping[Form, Sequence[str]]) -> None:
    """Make of `float.tflite` the file `mixed.tflite`, in which each operation is stored in a form of its own.

    Whether that runs is for the parent to see.

    Args:
        progress: Is told the stages.
        folder: Has the file, and gets the other.
        forms: The names of operations for each form of weights: int2, int4 and int8 compute with activations that are
            quantized to 8 bits as they come; `weights` are 8 bits that are unpacked to float. Others stay in float.
    """
    with progress.task(TASK, None) as stage:
        stage(1, "loading LiteRT Quantizer")
        from litert_quantizer import quantizer

        from tfopt.techniques.quantization.recipes import mixture

        worker = quantizer.Quantizer(str(folder / "float.tflite"))
        worker.load_quantization_recipe(mixture(forms))
        stage(1, "quantizing, each operation in its form")
        payload = bytes(worker.quantize(None, enable_progress_report=False).quantized_model)
        (folder / "mixed.tflite").write_bytes(payload)


def _observed(
    source: Path, rules: list[Json], feeds: list[dict[str, Array]], config: QuantizeConfig, *, loops: bool
) -> Json:
    """Return what the rules need to know: the smallest and largest value of each tensor, or what GPTQ gathers.

    The quantizer's own way, a moving average of the extremes of each batch, would cut off the largest values.
    """
    from ai_edge_litert.interpreter import Interpreter
    from litert_quantizer.calibrator import CalibrationMode, Calibrator
    from litert_quantizer.recipe_manager import RecipeManager
    from litert_quantizer.utils.qsv_utils import min_max_update

    mode = CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS
    if loops:  # the other mode cannot look into them
        mode = CalibrationMode.CALIBRATION_PROFILER_BASED
    update = {} if config.algorithm == "gptq" else {"qsv_update_func": min_max_update}
    calibrator = Calibrator(str(source), num_threads=os.cpu_count() or 1, mode=mode, **update)
    manager = RecipeManager()
    manager.load_quantization_recipe(rules)
    [signature] = Interpreter(str(source)).get_signature_list()
    calibrator.calibrate({signature: feeds}, manager)
    ranges: Json = calibrator.get_model_qsvs()
    return ranges


def _batches(calibration: Mapping[str, Array], source: Path) -> list[dict[str, Array]]:
    """The calibration samples, one at a time or as many as the file takes at once, in the types the model takes."""
    if not calibration:
        return []
    artifact = TfliteArtifact(source.name, source.read_bytes())
    types = dict(zip(artifact.input_names, artifact.input_types(), strict=True))
    arrays = {name: array.astype(types[name]) for name, array in calibration.items()}
    fits = max(1, MOST_BYTES // max(1, bytes_of_a_run(artifact.payload)))
    batch = next((shape[0] for shape in artifact.input_shapes() if shape and shape[0]), min(BATCH, fits))
    count = len(next(iter(arrays.values())))
    batch = min(batch, count)
    return [
        {name: array[start : start + batch] for name, array in arrays.items()}
        for start in range(0, count - batch + 1, batch)
    ]
