"""The common part of all configs: field types, closed sets of words, and options of training."""
