"""Rounding: kernels of float numbers become small integers times a scale for each output channel, without training."""
