"""The bridge to tf_keras, the Keras 2 that TensorFlow Model Optimization and legacy files need.

A model is rebuilt with layers of the other Keras, the weights are copied, and the outputs compared before it is used.
Both run on TensorFlow, so a Keras 3 layer that tf_keras has no twin of is wrapped in one of its layers.
"""
