"""Measuring: an artifact and a data set become a `Measurement`, two measurements a `Comparison`."""
