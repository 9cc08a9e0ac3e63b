"""The sample models as `.tflite` files, each converted once a session."""

from functools import cache

import tfopt
from tests.conftest import SAMPLES


@cache
def floats(sample: str) -> bytes:
    """A sample in float."""
    return tfopt.convert(SAMPLES / sample).artifact.payload


@cache
def quantized(sample: str, precision: str) -> bytes:
    """A sample in another precision."""
    config = tfopt.QuantizeConfig(precision=precision)
    return tfopt.quantize(SAMPLES / sample, config).artifact.payload
