"""Pre-train on images with tags but without captions (after Hu et al. 2020, VIVO, arXiv 2009.13682).

    h = Stack(r_1 .. r_L, q_1 .. q_G)                     regions and tags, see oscar.py; some tags are [MASK]
    p_k(w) ~ exp(E h_k + b_o)                             at hidden tags
    L = sum_k - log p_k(t_a(k))                           layers/set_loss.py

So the model learns which word names which kind of object, also for kinds that no caption names. Fine-tuning on captions
(with_oscar.py) teaches sentences. The words of captions and tags share E, so a caption may name what only tags named.

All regions and tags see each other. The tags of an image are a set: each step shuffles them. So place k tells nothing
about its tag, and the assignment a decides which place predicts which hidden tag. But the places are needed. Without
them, two [MASK] tokens would be the same input. Their outputs would be equal to the last bit, and no assignment would
be better than another.
"""

import numpy as np

from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.decoders import vlp
from numpy_sat.system.streams import along


def shuffle(rng, tags):
    """Bring the tags of each image into a random order.

    Args:
        rng: numpy Generator.
        tags: (N, G) words, two for each tag; tags.NO_TAG after the last tag.
    Returns:
        (N, G). A tag's words stay together, and tags.NO_TAG stays last.
    """
    pairs = tags.reshape(len(tags), -1, scene_tags.WORDS_OF_TAG)
    is_tag = pairs[..., 0] != scene_tags.NO_TAG
    order = np.where(is_tag, along(rng, 0).random(is_tag.shape), 1.0).argsort(axis=1)
    return np.take_along_axis(pairs, order[..., None], axis=1).reshape(tags.shape)


def reading(tokens, L, dtype):
    """Return the vlp.Reading of tags alone, which all see each other and all regions.

    Args:
        tokens: (N, G) integers, the tags, some of which are hidden.
        L: number of locations.
        dtype: dtype of the mask.
    """
    G = tokens.shape[1]
    return vlp.Reading(tokens, np.arange(1, G + 1), np.zeros((1, L + G, L + G), dtype), copies=1, first=0, tags=G)
