"""Conversion: a Keras model as a float `.tflite` file, or as a `.keras` file of Keras 3."""
