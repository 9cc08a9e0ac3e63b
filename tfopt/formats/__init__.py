"""Artifacts: model files that can predict, be weighed and be saved, whatever their format.

Nothing is imported here: `paths` and `writing` are used before TensorFlow is loaded, so a wrong path fails at once.
"""
