"""The channel graph: it says which channels of a Keras model hang together, so that they can leave it together.

Every output channel of every layer with weights gets an id, which is carried through the model and joined with others
where tensors are added or multiplied channel by channel (Fang et al. 2023, arXiv:2301.12900, call it dependency graph).
`tracing` makes the graph by the `rules` of each layer, `groups` reads it, `removal` makes the smaller model, and
`verification` compares the two.
"""
