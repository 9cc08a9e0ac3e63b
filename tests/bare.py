"""What a script does with Keras and TensorFlow alone: `python bare.py MODEL.keras prune|dynamic|int8`."""

import sys

import keras
import numpy as np
import tensorflow as tf

path, what = sys.argv[1:]
model = keras.saving.load_model(path)
if what == "prune":
    for weight in model.weights:
        values = weight.numpy()
        values[np.abs(values) < np.median(np.abs(values))] = 0
        weight.assign(values)
    model.save("bare.keras")
else:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if what == "int8":
        samples = np.load("samples.npz")["x"]
        converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    with open("bare.tflite", "wb") as file:  # noqa: PTH123
        file.write(converter.convert())
