"""The child process that quantizes a float file (see `QuantizeJob`).

It does not load TensorFlow: LiteRT Quantizer works on the file, as Google recommends since quantization inside the
converter is deprecated.
"""

import os
from pathlib import Path

import numpy as np

from tfopt.conversion.telling import main, stage
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.techniques.quantization.config import QuantizeConfig
from tfopt.techniques.quantization.jobs import QuantizeJob
from tfopt.typing import Array, Json

BATCH = 32  # where the file leaves it free


def quantize(folder: Path) -> None:
    """Do the job; raise if a file does not run or gives NaN."""
    stage("loading LiteRT Quantizer")
    from litert_quantizer import quantizer

    from tfopt.techniques.quantization.integer_range import not_for_integers
    from tfopt.techniques.quantization.recipes import loops_in, recipe

    job = QuantizeJob.model_validate_json((folder / "job.json").read_bytes())
    source = folder / "float.tflite"
    inside = loops_in(source.read_bytes())
    feeds = _feeds(folder, source)
    ranges: Json | None = None
    if job.config.calibrated:
        stage(f"calibrating on {len(feeds)} batches")
        ranges = _observed(source, recipe(job.config, [], inside), feeds, job.config, loops=bool(inside.operations))
    lost = not_for_integers(source.read_bytes(), ranges) if ranges and job.config.static else []
    for number, kept in enumerate(job.variants):
        quantize = quantizer.Quantizer(str(source))
        quantize.load_quantization_recipe(recipe(job.config, kept, inside, lost))
        stage(f"quantizing to {job.config.name}")
        payload = bytes(quantize.quantize(ranges, enable_progress_report=False).quantized_model)
        target = folder / f"quantized-{number}.tflite"
        found = TfliteArtifact(target.name, payload).outputs(feeds[0]) if feeds else {}
        if not all(np.isfinite(value).all() for value in found.values()):
            raise ArithmeticError(f"as {job.config.name} it gives NaN or infinity")
        target.write_bytes(payload)


def _observed(
    source: Path, rules: list[Json], feeds: list[dict[str, Array]], config: QuantizeConfig, *, loops: bool
) -> Json:
    """What the rules need to know: the smallest and largest value of each tensor, or what GPTQ gathers.

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


def _feeds(folder: Path, source: Path) -> list[dict[str, Array]]:
    """The calibration samples, one at a time or as many as the file takes at once, in the types the model takes."""
    path = folder / "calibration.npz"
    if not path.exists():
        return []
    artifact = TfliteArtifact(source.name, source.read_bytes())
    types = dict(zip(artifact.input_names, artifact.input_types(), strict=True))
    arrays = {name: array.astype(types[name]) for name, array in np.load(path).items()}
    batch = next((shape[0] for shape in artifact.input_shapes() if shape and shape[0]), BATCH)
    count = len(next(iter(arrays.values())))
    batch = min(batch, count)
    return [
        {name: array[start : start + batch] for name, array in arrays.items()}
        for start in range(0, count - batch + 1, batch)
    ]


if __name__ == "__main__":
    main(quantize)
