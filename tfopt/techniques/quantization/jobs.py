"""What the processes of LiteRT Quantizer are asked to do."""

from pydantic import BaseModel

from tfopt.config.choices import Form
from tfopt.techniques.quantization.config import QuantizeConfig


class MixJob(BaseModel):
    """`float.tflite` shall become `mixed.tflite`: `forms` has the names of operations for each form of weights.

    int2, int4 and int8 compute with activations that are quantized to 8 bits as they come; `weights` are 8 bits that
    are unpacked to float. Operations that are not named stay in float.
    """

    forms: dict[Form, list[str]]


class QuantizeJob(BaseModel):
    """`float.tflite` shall become one file for each of `variants`: `quantized-0.tflite`, `quantized-1.tflite`, ...

    A variant lists regular expressions for the names of the operations that stay in float. `calibration.npz` holds
    an array (N, ...) for each input, by its name in the signature.
    """

    config: QuantizeConfig
    variants: list[list[str]] = [[]]
