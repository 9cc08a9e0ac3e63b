"""TensorFlow Model Optimization (TFMOT), imported in this module only, so that `tf.keras` stays what it is.

TensorFlow decides on the first use of `tf.keras` which Keras that is. TFMOT would make it tf_keras for the whole
process, so it is used here before TFMOT is imported. (The environment variable that TFMOT sets is put back by
`tfopt.runtime.process_state`.)
"""

import tensorflow as tf

_ = tf.keras.__name__

import tensorflow_model_optimization as tfmot  # noqa: E402

# Not exported: the schemes, which know the supported layers, and the function whose decay is fixed at 0.999.
from tensorflow_model_optimization.python.core.quantization.keras import quant_ops  # noqa: E402
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (  # noqa: E402
    default_8bit_quantize_scheme,
)
from tensorflow_model_optimization.python.core.quantization.keras.experimental.default_n_bit import (  # noqa: E402
    default_n_bit_quantize_scheme,
)

__all__ = ["default_8bit_quantize_scheme", "default_n_bit_quantize_scheme", "quant_ops", "tfmot"]
