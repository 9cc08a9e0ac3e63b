"""Quantization: weights, and with int8 also activations, as small integers (Jacob et al. 2018, arXiv:1712.05877)."""
