"""Figures of merit that a user may ask for by name, in place of accuracy and the mean absolute error."""
