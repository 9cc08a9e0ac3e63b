"""Model builders: functions from a config and an input signature to a new, uncompiled `keras.Model`.

Nothing is imported here: the help of the command line reads the configs of all rooms, and needs no Keras for it.
"""
