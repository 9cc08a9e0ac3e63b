"""Checks that a file from somebody else has to pass before a library opens it: nothing runs, nothing swells.

The libraries have guards of their own (the safe mode of Keras, the verifier of LiteRT, `allow_pickle=False`); here is
what these leave open. Each check raises `InputError` in one sentence.
"""
