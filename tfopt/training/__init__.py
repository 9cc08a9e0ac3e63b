"""Training of models: seeds, batches, callbacks, checkpoints, and `fit`, the only caller of `model.fit`."""
