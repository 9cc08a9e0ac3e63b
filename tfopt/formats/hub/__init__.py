"""Task models of KerasHub: a task becomes a plain Keras model, and its preprocessor what tfopt remembers."""
