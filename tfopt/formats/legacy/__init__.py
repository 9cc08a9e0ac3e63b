"""The bridge to tf_keras, the Keras 2 that TensorFlow Model Optimization and legacy files need.

A crossing rebuilds the graph on the other side, copies the weights and is verified before it is used. Both Kerases run
on TensorFlow, so a layer without a twin crosses as itself, held by a layer of the other side.

TensorFlow decides on the first use of `tf.keras` which Keras that is. TensorFlow Model Optimization would make it
tf_keras for the whole process, so it is used here before that can be imported.
"""

import tensorflow as tf

_ = tf.keras.__name__
