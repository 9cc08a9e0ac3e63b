"""Data sets: a name, a path or arrays become a `Dataset` with fixed train, validation, calibration and test splits.

`loader` reads and splits a source, and `compatibility` reshapes the result for a model or says why it does not fit.
Nothing is imported here: the help of the command line reads the configs of all rooms, and needs no numpy for it.
"""
