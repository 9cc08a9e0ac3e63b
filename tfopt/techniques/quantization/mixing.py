"""The child process that stores each operation in a form of its own (see `MixJob`).

It does not load TensorFlow, and whether the file runs is for the parent to see.
"""

from pathlib import Path

from tfopt.conversion.telling import main, stage
from tfopt.techniques.quantization.jobs import MixJob


def mix(folder: Path) -> None:
    """Do the job."""
    stage("loading LiteRT Quantizer")
    from litert_quantizer import quantizer

    from tfopt.techniques.quantization.recipes import mixture

    job = MixJob.model_validate_json((folder / "job.json").read_bytes())
    quantize = quantizer.Quantizer(str(folder / "float.tflite"))
    quantize.load_quantization_recipe(mixture(job.forms))
    stage("quantizing, each operation in its form")
    payload = bytes(quantize.quantize(None, enable_progress_report=False).quantized_model)
    (folder / "mixed.tflite").write_bytes(payload)


if __name__ == "__main__":
    main(mix)
