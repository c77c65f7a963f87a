"""Random streams: each purpose and each place in the training has a random generator of its own.

So no random state needs to be stored, and a resumed training gets the same numbers as one without interruption.
"""

import numpy as np

PARAMETERS, ORDER, IMAGE, DROPOUT, CAPTIONS = range(5)  # purposes


def stream(seed, purpose, *place):
    """Return the numpy Generator of a purpose and place, for example of IMAGE and (epoch, image)."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))
