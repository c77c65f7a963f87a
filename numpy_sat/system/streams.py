"""Random numbers by what they are for and where in the training they are drawn, not by what was drawn before.

So nothing random needs to be stored, and training that was interrupted draws what it would have drawn.
"""

import numpy as np

PARAMETERS, ORDER, IMAGE, DROPOUT, CAPTIONS = range(5)  # what a stream is for


def stream(seed, purpose, *place):
    """The numpy Generator of a purpose and place, e.g. (IMAGE, epoch, image); each has its own."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))
