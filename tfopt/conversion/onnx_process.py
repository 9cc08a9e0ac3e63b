"""Keras' own export to ONNX, done in a child process (see `onnx`), and its answers beside those of Keras."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfopt.conversion.lowering import TOLERANCE, difference
from tfopt.formats.keras.custom_objects import import_from, register_custom_objects
from tfopt.runtime.native_code import native_output
from tfopt.runtime.progress import Progress
from tfopt.typing import Array, Json


def export(
    progress: Progress,
    folder: Path,
    samples: Sequence[Array],
    custom_objects: Sequence[str],
    modules: Sequence[tuple[str, str]],
) -> Json:
    """Export `model.keras` to `model.onnx` and run both on samples.

    Args:
        progress: Is told the stages.
        folder: Has the model, and gets the file.
        samples: An array (N, ...) for each input of the model.
        custom_objects: The sources of custom layers.
        modules: The names and folders of what registers custom layers when it is imported.

    Returns:
        `inputs`: the names of the file's inputs in the order of the model's; `error`: the largest difference of the
        answers, as a share of the largest.

    Raises:
        ArithmeticError: If the file answers otherwise, or has constants as inputs.
    """
    with progress.task("converting", None) as stage:
        stage(1, "loading TensorFlow")
        import keras

        for source in custom_objects:
            register_custom_objects(source)
        for name, place in modules:
            import_from(name, place)
        model = keras.saving.load_model(folder / "model.keras", compile=False)
        given = list(samples) if len(samples) > 1 else samples[0]
        wanted = [np.asarray(one) for one in keras.tree.flatten(model(given))]
        stage(1, "exporting to ONNX")
        path = folder / "model.onnx"
        with native_output():
            model.export(str(path), format="onnx", verbose=False)
        stage(1, "running the file")
        from tfopt.formats.onnx.artifact import run, session_of

        session = session_of(path.read_bytes(), path.name, 1)
        names = [one.name for one in session.get_inputs()]
        if left := names[len(samples) :]:
            raise ArithmeticError(
                f"Keras' export leaves the constant {left[0]} open, as an input: where it is of a Normalization,"
                " Rescaling does the same"
            )
        found = run(session, dict(zip(names, samples, strict=True)), path.name)
        error = difference(wanted, {str(number): one for number, one in enumerate(found)})
        if not error <= TOLERANCE:
            raise ArithmeticError(f"onnxruntime answers differently from Keras, by {error:.1e} of the output")
        return {"inputs": names, "error": error}
