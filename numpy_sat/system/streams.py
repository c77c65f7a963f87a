"""Random streams: each purpose and each place in the training has its own random generator.

So no random state is stored, and a resumed training gets the same numbers as a training without interruption.
"""

import numpy as np

PARAMETERS, ORDER, IMAGE, DROPOUT, CAPTIONS, WORD_VECTORS, RANKING, DISCRIMINATOR, NOISE = range(9)  # purposes


def stream(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """Return the generator of a purpose and a place in the training.

    Args:
        seed: the seed of the training.
        purpose: one of the constants above.
        place: integers that identify the place, such as (epoch, image).
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))
