"""A Keras 3 model as layers and calls: walked, called and replayed whatever its structure."""
