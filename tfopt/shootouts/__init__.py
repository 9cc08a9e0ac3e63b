"""Architectures against each other on one data set, at an equal budget, with several seeds: measured, not told."""
