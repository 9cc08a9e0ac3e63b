"""The child process after quantization-aware training: `python -m tfopt.conversion.trained FOLDER` (see `TrainedJob`).

The ranges that were learnt are in the SavedModel, and the converter turns them into integers.
"""

from pathlib import Path

from tfopt.conversion.jobs import TrainedJob
from tfopt.conversion.telling import main, stage


def convert(folder: Path) -> None:
    """Do the job."""
    stage("loading TensorFlow")
    import tensorflow as tf

    job = TrainedJob.model_validate_json((folder / "job.json").read_bytes())
    stage("quantizing to int8")
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "trained"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if job.io != "float":
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(job.io)
    (folder / "quantized.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main(convert)
