"""Artifacts are model files that can predict, be weighed and be saved, whatever their format.

Nothing is imported here: `paths` is used before TensorFlow is loaded, so that a wrong path fails at once.
"""
