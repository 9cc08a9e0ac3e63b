"""Training: `fit` is the only caller of `compile` and `model.fit`."""
