"""`.tflite` files: running them, and reading their graph."""
