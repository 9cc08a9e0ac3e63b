"""The process itself: children, signals, standard streams, temporary files, locks, and its state."""
