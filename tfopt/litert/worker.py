"""The child process: `python -m tfopt.litert.worker FOLDER` turns `model.keras` there into `.tflite` files.

The folder holds `job.json`, `model.keras` and for int8 `calibration.npy` (N, ...). `float.tflite` is made by the
TensorFlow converter and the quantized file from it by LiteRT Quantizer, as Google recommends since quantization inside
the converter is deprecated. After quantization-aware training it holds the SavedModels `float` and `trained` instead,
and the converter turns the ranges in `trained` into integers. Stages are told on stdout; an exception becomes
`error.txt`.
"""

import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfopt.artifacts.custom import register_inherited
from tfopt.litert.job import STAGE, Job


def main(folder: Path) -> int:
    """Run the job; return the exit code."""
    try:
        job = Job.model_validate_json((folder / "job.json").read_bytes())
        _stage("loading TensorFlow")
        _convert(folder)
        if job.trained:
            _stage(f"quantizing to {job.precision}")
            _convert_trained(folder, job)
        elif job.precision:
            _stage(f"quantizing to {job.precision}")
            calibration = np.load(folder / "calibration.npy") if job.precision == "int8" else None
            _quantize(folder, job, calibration)
    except Exception as error:
        (folder / "error.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        traceback.print_exc()
        return 1
    return 0


def _stage(text: str) -> None:
    print(STAGE + text, flush=True)


def _convert(folder: Path) -> None:
    import keras
    import tensorflow as tf

    _stage("converting to LiteRT")
    if (folder / "float").exists():
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "float"))
    else:
        register_inherited()
        model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
    (folder / "float.tflite").write_bytes(converter.convert())


def _convert_trained(folder: Path, job: Job) -> None:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "trained"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if job.io == "int8":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "quantized.tflite").write_bytes(converter.convert())


def _quantize(folder: Path, job: Job, calibration: NDArray[Any] | None) -> None:
    from litert_quantizer import quantizer

    source = str(folder / "float.tflite")
    quantize = quantizer.Quantizer(source)
    quantize.load_quantization_recipe(recipe(job))
    result = None
    if calibration is not None:
        result = quantize.calibrate(_calibration_feed(source, calibration))
    payload = bytes(quantize.quantize(result).quantized_model)
    (folder / "quantized.tflite").write_bytes(payload)


def _calibration_feed(source: str, samples: NDArray[Any]) -> dict[str, list[dict[str, NDArray[Any]]]]:
    """One entry a sample, by signature and input name, in the type the model takes."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(source)
    [(signature, names)] = interpreter.get_signature_list().items()
    dtype = interpreter.get_input_details()[0]["dtype"]
    return {signature: [{names["inputs"][0]: sample[np.newaxis].astype(dtype)} for sample in samples]}


def recipe(job: Job) -> list[dict[str, Any]]:
    """The recipe of LiteRT Quantizer: per-channel weights everywhere, and for int8 static ranges for activations."""
    from litert_quantizer import qtyping, recipe_manager
    from litert_quantizer import recipe as recipes
    from litert_quantizer.algorithm_manager import AlgorithmName

    manager = recipe_manager.RecipeManager()
    match job.precision:
        case "int8":
            manager.load_quantization_recipe(recipes.static_wi8_ai8())
            if job.io == "float":
                _float_interface(manager, qtyping)
        case "dynamic":
            manager.load_quantization_recipe(recipes.dynamic_wi8_afp32())
        case "float16":
            weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
            manager.add_quantization_config(
                regex=".*",
                operation_name=qtyping.TFLOperationName.ALL_SUPPORTED,
                algorithm_key=AlgorithmName.FLOAT_CASTING,
                op_config=qtyping.OpQuantizationConfig(
                    weight_tensor_config=weights,
                    compute_precision=qtyping.ComputePrecision.FLOAT,
                    explicit_dequantize=True,
                ),
            )
    return manager.get_quantization_recipe()  # type: ignore[no-any-return]


def _float_interface(manager: Any, qtyping: Any) -> None:
    """Leave the model's inputs and outputs in float; the quantizer then inserts QUANTIZE and DEQUANTIZE operations."""
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        manager.add_quantization_config(regex=".*", operation_name=end, algorithm_key="no_quantize")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
