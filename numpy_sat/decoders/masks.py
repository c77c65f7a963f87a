"""The masks of the Transformer: which positions of a sequence see which (see layers/self_attention.py).

The sequence of an image is its L regions, then the T words of its first caption, those of its second caption, and so
on. The captions of an image share its regions but never see each other. So one sequence holds all captions of an image,
and its regions are processed once.
"""

from functools import lru_cache

import numpy as np

from numpy_sat.layers import self_attention


@lru_cache
def left_to_right(L, T, captions, dtype=np.float64):
    """Return the mask of captions that are written from left to right.

    Regions see all regions. A word sees all regions, itself and the words before it in its caption.

    Args:
        L: number of regions.
        T: number of words of each caption.
        captions: number of captions of the image.
        dtype: dtype of the mask.
    Returns:
        (1, P, P) with P = L + captions T, read-only: 0 where the position of the row sees the position of the column.
    """
    caption = np.repeat(np.arange(captions + 1), [L] + captions * [T])  # 0 for regions
    place = np.concatenate([np.zeros(L, int), np.tile(np.arange(T), captions)])
    is_region = caption == 0
    same_caption = caption[:, None] == caption
    return _additive(is_region | (same_caption & (place <= place[:, None])), dtype)


def _additive(sees, dtype):
    """Return the mask to be added to the scores: 0 where `sees`: (P, P) is True, else HIDDEN."""
    mask = np.where(sees, 0, self_attention.HIDDEN).astype(dtype)[None]
    mask.flags.writeable = False
    return mask
