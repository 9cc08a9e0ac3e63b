"""Data sets: a name or a path becomes a `Dataset` with fixed train, validation, calibration and test splits.

Nothing is imported here: the help of the command line reads the configs of all rooms, and needs no numpy for it.
"""
