"""Hyperparameter search: many trainings, of which the one that does best on the validation split is kept."""
