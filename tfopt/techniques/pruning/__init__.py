"""Magnitude pruning: weights near zero become zero, gradually, while the others are trained to make up for them."""
