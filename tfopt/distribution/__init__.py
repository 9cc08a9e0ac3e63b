"""One training on many devices: replicas of a model on the devices of a machine, and workers on several machines.

Every replica computes the gradients of its share of a batch, they are summed over all replicas (all-reduce), and every
replica makes the same step (synchronous data parallelism, `tf.distribute`).
"""
