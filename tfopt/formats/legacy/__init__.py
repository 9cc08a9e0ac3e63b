"""The bridge to tf_keras, the Keras 2 that TensorFlow Model Optimization and legacy files need.

A model is rebuilt with layers of the other Keras, the weights are copied, and the outputs compared before it is used.
Both run on TensorFlow, so a Keras 3 layer that tf_keras has no twin of is wrapped in one of its layers.

TensorFlow decides on the first use of `tf.keras` which Keras that is. TensorFlow Model Optimization would make it
tf_keras for the whole process, so it is used here before that can be imported.
"""

import tensorflow as tf

_ = tf.keras.__name__
