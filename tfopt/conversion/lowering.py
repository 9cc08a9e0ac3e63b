"""The work of TensorFlow's converter, done in a child process (see `converter_process`).

A float file is made of the Keras model as it is (`direct`); for recurrent models of its copy in tf_keras, in which the
converter finds the LSTM kernel of LiteRT (`fused`), of the Keras model with a loop over time (`loop`), or with all
steps written out (`unrolled`). What was written is run here and compared with Keras.
"""

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel

from tfopt.config.choices import InterfaceType, Lowering
from tfopt.formats.keras.custom_objects import import_from, register_custom_objects
from tfopt.formats.tflite.artifact import TfliteArtifact
from tfopt.formats.tflite.graph import has_sparse_tensors
from tfopt.formats.tflite.shared_weights import with_shared_scales
from tfopt.runtime.imports import quick_imports
from tfopt.runtime.progress import Advance, Progress
from tfopt.typing import Array

TOLERANCE = 1e-4
TASK = "converting"
Model: TypeAlias = Any  # of Keras or of tf_keras, neither of which is loaded yet


class LowerJob(BaseModel):
    """`model.keras` shall become `float.tflite`; with `static` the converter makes `converter.tflite` as well.

    With `sparse` it makes `sparse.tflite`, in which the zeros of pruned weights are left out. `custom_objects` are the
    sources of custom layers, to be registered before the model is loaded, and `modules` the names and folders of what
    registers them when it is imported.
    """

    lowering: Lowering
    batch: int | None = None
    length: int | None = None
    static: Literal["int8", "int16"] | None = None
    io: InterfaceType = "float"
    sparse: bool = False
    custom_objects: tuple[str, ...] = ()
    modules: tuple[tuple[str, str], ...] = ()


class Lowered(BaseModel):
    """Names of the file's inputs in the order of the model's, and by how much the outputs differ from Keras.

    `error` is the largest absolute difference relative to the largest output; `failure` is why the converter gave
    no quantized or no sparse file, if it was asked for one. It is written to `lowered.json`.
    """

    inputs: list[str]
    error: float
    failure: str = ""

    def write(self, folder: Path) -> None:
        """Leave this where the parent finds it even if the process dies afterwards."""
        (folder / "lowered.json").write_text(self.model_dump_json(), encoding="utf-8")


def prepare() -> None:
    """Import what takes seconds."""
    import tensorflow  # noqa: F401


def lower(
    progress: Progress, folder: Path, job: LowerJob, samples: Sequence[Array], calibration: Sequence[Array]
) -> None:
    """Make a float file, and the others that the job asks for.

    Args:
        progress: Is told the stages.
        folder: Has the model, and gets what is made of it.
        job: What to make.
        samples: What the file is compared with Keras on: an array (N, ...) for each input of the model.
        calibration: What the converter is to calibrate on, as the samples.

    Raises:
        ArithmeticError: If the file does not answer as Keras does.
    """
    with progress.task(TASK, None) as stage:
        stage(1, "loading TensorFlow")
        with quick_imports():
            import keras  # noqa: F401
            import tensorflow as tf

        inputs, wanted = _save(folder, job, samples, stage)
        gc.collect()  # the model, before the converter takes several times its memory
        payload = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert()
        (folder / "float.tflite").write_bytes(payload)
        stage(1, "running the file")
        feeds = dict(zip(inputs, samples, strict=True))
        error = difference(wanted, TfliteArtifact("float.tflite", payload).outputs(feeds))
        if not error <= TOLERANCE:
            raise ArithmeticError(f"LiteRT answers differently from Keras, by {error:.1e} of the output")
        answer = Lowered(inputs=inputs, error=error, failure="the converter crashed on it")
        answer.write(folder)  # what comes now may kill this process; the float file is sound
        failure = ""
        if job.static:
            failure = _quantize_in_converter(folder, job, dict(zip(inputs, calibration, strict=True)), stage)
        if job.sparse:
            failure = _leave_out_zeros(folder, feeds, wanted, stage)
        answer.model_copy(update={"failure": failure}).write(folder)


def quantize_trained(progress: Progress, folder: Path, io: InterfaceType) -> None:
    """Turn the ranges that quantization-aware training has learnt into integers.

    Args:
        progress: Is told the stages.
        folder: Has the SavedModel `trained`, and gets `quantized.tflite`.
        io: The type of the inputs and outputs of that.
    """
    with progress.task(TASK, None) as stage:
        stage(1, "loading TensorFlow")
        import tensorflow as tf

        stage(1, "quantizing to int8")
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "trained"))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if io != "float":
            converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
        (folder / "quantized.tflite").write_bytes(converter.convert())


def _save(folder: Path, job: LowerJob, samples: Sequence[Array], stage: Advance) -> tuple[list[str], list[Array]]:
    """Write the SavedModel; return the names of its inputs, and what Keras answers to `samples`."""
    import keras
    import tensorflow as tf

    from tfopt.conversion import saved_model
    from tfopt.graph.model_io import call

    for source in job.custom_objects:
        register_custom_objects(source)
    for module, place in job.modules:
        import_from(module, place)
    model = keras.saving.load_model(folder / "model.keras", compile=False, safe_mode=True)
    stage(1, f"converting to LiteRT ({job.lowering})")
    match job.lowering:
        case "fused":
            traceable = saved_model.from_tf_keras_copy(model, job.batch, job.length)
        case "unrolled":
            traceable = saved_model.from_keras3(unrolled(model, job.length), job.batch, job.length)
        case _:
            traceable = saved_model.from_keras3(model, job.batch, job.length)
    inputs = saved_model.save(traceable, folder / "saved")
    answers = keras.tree.flatten(call(model, [tf.constant(x) for x in samples]))
    return inputs, [np.asarray(value) for value in answers]


def _leave_out_zeros(folder: Path, feeds: Mapping[str, Array], wanted: list[Array], stage: Advance) -> str:
    """Write `sparse.tflite` with the converter's sparse encoding, if it runs and answers alike; else return why not."""
    import tensorflow as tf

    stage(1, "leaving out the zeros")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    try:
        payload = converter.convert()
        if not has_sparse_tensors(payload):
            return "no kernel has enough zeros"
        error = difference(wanted, TfliteArtifact("sparse.tflite", payload).outputs(feeds))
    except Exception as failure:  # whatever the converter or LiteRT finds wrong with it, the float file is sound
        return " ".join(str(failure).split())[:100]
    if not error <= TOLERANCE:
        return f"it answers differently from Keras, by {error:.1e} of the output"
    (folder / "sparse.tflite").write_bytes(payload)
    return ""


def difference(wanted: list[Array], found: Mapping[str, Array]) -> float:
    """Return the largest absolute difference of all outputs, relative to the largest value; inf if shapes differ."""
    largest = 0.0
    for before, after in zip(wanted, found.values(), strict=True):
        if before.shape != after.shape:
            return float("inf")
        largest = max(largest, float(np.abs(before - after).max() / max(np.abs(before).max(), 1e-9)))
    return largest


def unrolled(model: Model, length: int | None) -> Model:
    """Copy a Keras model so that its recurrent layers write out all their steps; `length` fixes a free one."""
    config = model.get_config()
    _unroll(config, length)
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _unroll(config: object, length: int | None) -> None:
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


def _quantize_in_converter(folder: Path, job: LowerJob, feeds: Mapping[str, Array], stage: Advance) -> str:
    """Integers by the converter itself; a file with a loop would kill the process and is not tried."""
    import tensorflow as tf

    from tfopt.formats.tflite.graph import operations

    if any(operation.kind == "WHILE" for operation in operations((folder / "float.tflite").read_bytes())):
        return "a loop cannot be calibrated by the converter"
    stage(1, f"quantizing to {job.static} in the converter")
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
        payload = with_shared_scales(converter.convert(), (folder / "float.tflite").read_bytes())
        found = TfliteArtifact("converter.tflite", payload).outputs({name: x[:batch] for name, x in feeds.items()})
        if not all(np.isfinite(value).all() for value in found.values()):
            return "its outputs are not finite"
    except Exception as error:  # whatever the converter finds wrong with it, the float file is sound
        return " ".join(str(error).split())[:100]
    (folder / "converter.tflite").write_bytes(payload)
    return ""
