"""The child process that makes a float file: `python -m tfopt.conversion.lowering FOLDER` (see `LowerJob`).

What is converted is the Keras model as it is (`direct`); for recurrent models its copy in tf_keras, in which the
converter finds the LSTM kernel of LiteRT (`fused`), the Keras model with a loop over time (`loop`), or with all steps
written out (`unrolled`). What was written is run here and compared with Keras.
"""

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tfopt.conversion.jobs import Lowered, LowerJob
from tfopt.conversion.telling import main, stage
from tfopt.formats.keras.custom_objects import register_inherited
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.typing import Array

TOLERANCE = 1e-4
Model: TypeAlias = Any  # of Keras or of tf_keras, neither of which is loaded yet


def lower(folder: Path) -> None:
    """Do the job; raise if the file does not run or does not answer as Keras does."""
    stage("loading TensorFlow")
    import tensorflow as tf

    job = LowerJob.model_validate_json((folder / "job.json").read_bytes())
    samples = [array for _, array in sorted(np.load(folder / "samples.npz").items(), key=lambda item: int(item[0]))]
    inputs, wanted = _save(folder, job, samples)
    gc.collect()  # the model, before the converter takes several times its memory
    payload = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert()
    (folder / "float.tflite").write_bytes(payload)
    stage("running the file")
    error = difference(wanted, TfliteArtifact("float.tflite", payload).outputs(dict(zip(inputs, samples, strict=True))))
    if not error <= TOLERANCE:
        raise ArithmeticError(f"LiteRT answers differently from Keras, by {error:.1e} of the output")
    answer = Lowered(inputs=inputs, error=error, failure="the converter crashed on it")
    _tell(folder, answer)  # what comes now may kill this process; the float file is sound
    failure = _quantize_in_converter(folder, job, inputs) if job.static else ""
    if job.sparse:
        failure = _leave_out_zeros(folder, dict(zip(inputs, samples, strict=True)), wanted)
    _tell(folder, answer.model_copy(update={"failure": failure}))


def _save(folder: Path, job: LowerJob, samples: list[Array]) -> tuple[list[str], list[Array]]:
    """Write the SavedModel; return the names of its inputs, and what Keras answers to `samples`."""
    import keras
    import tensorflow as tf

    from tfopt.conversion import saved_model as saving
    from tfopt.graph.model_io import call

    register_inherited()
    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
    stage(f"converting to LiteRT ({job.lowering})")
    match job.lowering:
        case "fused":
            traceable = saving.rebuilt(model, job.batch, job.length)
        case "unrolled":
            traceable = saving.keras3(unrolled(model, job.length), job.batch, job.length)
        case _:
            traceable = saving.keras3(model, job.batch, job.length)
    inputs = saving.save(traceable, folder / "saved")
    answers = keras.tree.flatten(call(model, [tf.constant(x) for x in samples]))
    return inputs, [np.asarray(value) for value in answers]


def _tell(folder: Path, answer: Lowered) -> None:
    (folder / "lowered.json").write_text(answer.model_dump_json(), encoding="utf-8")


def _leave_out_zeros(folder: Path, feeds: Mapping[str, Array], wanted: list[Array]) -> str:
    """Write `sparse.tflite` with the converter's sparse encoding, if it runs and answers alike; else return why not."""
    import tensorflow as tf

    stage("leaving out the zeros")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    try:
        payload = converter.convert()
        error = difference(wanted, TfliteArtifact("sparse.tflite", payload).outputs(feeds))
    except Exception as failure:  # whatever the converter or LiteRT finds wrong with it, the float file is sound
        return " ".join(str(failure).split())[:100]
    if not error <= TOLERANCE:
        return f"it answers differently from Keras, by {error:.1e} of the output"
    (folder / "sparse.tflite").write_bytes(payload)
    return ""


def difference(wanted: list[Array], found: Mapping[str, Array]) -> float:
    """Largest absolute difference over all outputs, each relative to its largest value; inf if the shapes differ."""
    largest = 0.0
    for before, after in zip(wanted, found.values(), strict=True):
        if before.shape != after.shape:
            return float("inf")
        largest = max(largest, float(np.abs(before - after).max() / max(np.abs(before).max(), 1e-9)))
    return largest


def unrolled(model: Model, length: int | None) -> Model:
    """A copy of a Keras model whose recurrent layers write out all their steps; `length` fixes a free one."""
    config = model.get_config()
    _unroll(config, length)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _unroll(config: Any, length: int | None) -> None:
    if isinstance(config, dict):
        if "unroll" in config:
            config["unroll"] = True
        if length and isinstance(config.get("batch_shape"), (list, tuple)):
            first, *sizes = config["batch_shape"]
            config["batch_shape"] = [first, *(size or length for size in sizes)]
        for value in config.values():
            _unroll(value, length)
    elif isinstance(config, (list, tuple)):
        for value in config:
            _unroll(value, length)


def _quantize_in_converter(folder: Path, job: LowerJob, inputs: list[str]) -> str:
    """Integers by the converter itself; a file with a loop would kill the process and is not tried."""
    import tensorflow as tf

    from tfopt.formats.tflite.graph import operations

    if any(operation.kind == "WHILE" for operation in operations((folder / "float.tflite").read_bytes())):
        return "a loop cannot be calibrated by the converter"
    stage(f"quantizing to {job.static} in the converter")
    arrays = np.load(folder / "calibration.npz")
    feeds = {name: arrays[str(index)] for index, name in enumerate(inputs)}
    count, batch = len(next(iter(feeds.values()))), job.batch or 1
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        {name: x[start : start + batch] for name, x in feeds.items()} for start in range(0, count - batch + 1, batch)
    )
    if job.static == "int16":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
    if job.io != "float":
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(job.io)
    try:
        payload = converter.convert()
        found = TfliteArtifact("converter.tflite", payload).outputs({name: x[:batch] for name, x in feeds.items()})
        if not all(np.isfinite(value).all() for value in found.values()):
            return "its outputs are not finite"
    except Exception as error:  # whatever the converter finds wrong with it, the float file is sound
        return " ".join(str(error).split())[:100]
    (folder / "converter.tflite").write_bytes(payload)
    return ""


if __name__ == "__main__":
    main(lower)
