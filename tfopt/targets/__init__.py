"""Targets: what a device can run of a `.tflite` file, and what it costs there."""
