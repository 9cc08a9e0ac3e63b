"""Training by several processes, on this machine or on many: `tf.distribute.MultiWorkerMirroredStrategy`.

Every process that is called starts its share of them as children, one in a cluster, all on one machine. TensorFlow's
collective operations connect them. When one dies the others cannot go on, so that each parent ends its children and
starts them again, and the chief, whose rank is 0, gives everybody its last checkpoint.
"""
