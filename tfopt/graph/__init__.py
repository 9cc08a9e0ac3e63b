"""A Keras 3 model as layers and calls: walked, called and replayed whatever its structure.

`layer_names` walks the layers, `replay` repeats the calls with other tensors or other layers, and `model_copy` makes a
new model on the way; the rest builds on these three.
"""
