"""Binarization: weights of one bit, a sign times a scale for each output channel (Rastegari et al. 2016)."""
