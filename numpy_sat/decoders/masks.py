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
    return additive(is_region | (same_caption & (place <= place[:, None])), dtype)


@lru_cache
def writing(L, T, captions, dtype=np.float64):
    """Return the mask under which [MASK] tokens predict all words of a caption at once, each from the words before it.

    The sequence is the regions, then the words 1 to T - 1 of every caption, then T [MASK] tokens for every caption.
    The one at place t sees all regions, the words 1 to t - 1 of its caption, and itself. No position sees another
    [MASK] token.

    Args:
        L: number of regions.
        T: number of words of each caption.
        captions: number of captions of the image.
        dtype: dtype of the mask.
    Returns:
        (1, P, P) with P = L + captions (2 T - 1), read-only.
    """
    each = np.arange(1, captions + 1)
    caption = np.concatenate([np.zeros(L, int), np.repeat(each, T - 1), np.repeat(each, T)])
    places = np.arange(1, T + 1)
    place = np.concatenate([np.zeros(L, int), np.tile(places[:-1], captions), np.tile(places, captions)])
    is_mask = np.arange(len(place)) >= L + captions * (T - 1)
    earlier = ~is_mask & (place < place[:, None]) & (caption == caption[:, None])
    return additive((caption == 0) | earlier | np.eye(len(place), dtype=bool), dtype)


def bidirectional(L, real, dtype=np.float64):
    """Return the masks of captions whose words and regions all see each other, with one caption in each sequence.

    Args:
        L: number of regions.
        real: (B, T) 1 at words, 0 at padding, which nothing sees.
        dtype: dtype of the masks.
    Returns:
        (B, P, P) with P = L + T, read-only.
    """
    B, T = real.shape
    sees = np.concatenate([np.ones((B, L), bool), real > 0], axis=1)
    return np.broadcast_to(additive(sees, dtype)[0][:, None], (B, L + T, L + T))


def additive(sees, dtype):
    """Return the mask that is added to the scores, read-only and with one more axis in front.

    Args:
        sees: (...) True where the position of the row sees the position of the column.
        dtype: dtype of the mask.
    Returns:
        (1, ...) 0 where `sees` is True, else HIDDEN.
    """
    mask = np.where(sees, 0, self_attention.HIDDEN).astype(dtype)[None]
    mask.flags.writeable = False
    return mask
