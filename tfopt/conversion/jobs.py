"""What a child process is asked to do, what it answers, and how it tells how far it is."""

from typing import Literal

from pydantic import BaseModel

from tfopt.config.choices import InterfaceType, Lowering

STAGE = "tfopt stage: "


class LowerJob(BaseModel):
    """`model.keras` shall become `float.tflite`; with `static` the converter makes `converter.tflite` as well.

    With `sparse` it makes `sparse.tflite`, in which the zeros of pruned weights are left out.
    `samples.npz` and `calibration.npz` hold an array (N, ...) for each input of the model: "0", "1", ...
    """

    lowering: Lowering
    batch: int | None = None
    length: int | None = None
    static: Literal["int8", "int16"] | None = None
    io: InterfaceType = "float"
    sparse: bool = False


class Lowered(BaseModel):
    """Names of the file's inputs in the order of the model's, and by how much the outputs differ from Keras.

    `error` is the largest absolute difference relative to the largest output; `failure` is why the converter gave
    no quantized or no sparse file, if it was asked for one.
    """

    inputs: list[str]
    error: float
    failure: str = ""


class TrainedJob(BaseModel):
    """The SavedModel `trained`, from quantization-aware training, shall become `quantized.tflite`."""

    io: InterfaceType = "float"
