"""The places of positions in a sequence, as fixed vectors (Vaswani et al. 2017, section 3.5).

Self-attention treats its positions as a set. A vector that depends on the place alone is added to each of them. Sines
and cosines of many wavelengths need no training and have no largest place. So a caption can be longer, and a grid
finer, than in training.
"""

from functools import lru_cache

import numpy as np

LONGEST = 10000  # the wavelengths run from 2 pi to 2 pi times this


@lru_cache
def sinusoids(P, S, dtype=np.float64):
    """Compute the vectors of the places 0 to P - 1.

    Component 2 i of place p is sin(p / 10000^(2 i / S)), component 2 i + 1 is its cosine.

    Args:
        P: number of places.
        S: size of the vectors.
        dtype: dtype of the vectors.
    Returns:
        (P, S), read-only.
    """
    component = np.arange(S)
    angle = np.arange(P)[:, None] / LONGEST ** (component // 2 * 2 / S)
    table = np.where(component % 2, np.cos(angle), np.sin(angle)).astype(dtype)
    table.flags.writeable = False
    return table
