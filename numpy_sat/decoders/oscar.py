"""Define the Transformer that also reads tags of objects (after Li et al. 2020, Oscar, arXiv 2004.06165).

    r_i = W_r a_i + b_r + place(i)                      regions
    q_k = sqrt(S) E_w + place(k) + E_tag                tags: words of colors and shapes, without places in the image
    x_t = sqrt(S) E_w + place(t)                        words of the caption
    h   = Stack(r_1 .. r_L, q_1 .. q_G, [CLS], x_1 .. x_T)

Tags are words, and a detector finds them in the image. So they connect regions and words: the anchors of the paper.
Pre-training hides some words and some tags and predicts both. In half of the sequences, the tags are those of another
image. The model predicts from the vector of [CLS] whether they are (layers/contrastive.py). All positions see each
other:

    L = - log p(hidden words and tags) + L_C

Fine-tuning and writing are those of vlp.py, left to right and without [CLS]. Words see all tags. Tags see tags and
regions, but never words. The tags of an image are sorted, so their order tells nothing about the image.
"""

import math

import numpy as np

from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.decoders import masks, stack, transformer, vlp
from numpy_sat.layers import linear, position

TAG_WORDS = scene_tags.MOST_OBJECTS * scene_tags.WORDS_OF_TAG  # G
POLLUTED = 0.5  # share of the sequences whose tags are those of another image


def init_params(rng, D, S, layers, heads, log_frequencies, dtype=np.float32):
    """Draw all parameters: those of vlp.py, E_cls: (1, S), E_tag: (S,), and w_c: (S,) and b_c: (1,) of L_C."""
    params = vlp.init_params(rng, D, S, layers, heads, log_frequencies, dtype)
    E_cls, E_tag, w_c = (rng.standard_normal((3, S)) / np.sqrt(S)).astype(dtype)
    return params | {"E_cls": E_cls[None], "E_tag": E_tag, "w_c": w_c, "b_c": np.zeros(1, dtype)}


def separate(a):
    """Separate annotations and tags.

    Args:
        a: (N, L, D + 2) annotations with tags (data/scenes/tags.py).
    Returns:
        regions: (N, L, D).
        tags: (N, G) words: a color and a shape for each tag, in sorted order; tags.NO_TAG after the last tag.
    """
    regions, tags = scene_tags.split(a)
    tags = tags[:, : scene_tags.MOST_OBJECTS]
    color, shape = tags[..., 0], tags[..., 1]
    order = np.lexsort((shape, color, color == scene_tags.NO_TAG), axis=-1)
    tags = np.take_along_axis(tags, order[..., None], axis=1)
    return np.ascontiguousarray(regions), tags.reshape(len(a), -1)


def pollute(rng, tags):
    """Exchange the tags of some sequences for those of others, which must differ.

    Args:
        rng: numpy Generator.
        tags: (B, G) tags of each sequence.
    Returns:
        tags: (B, G) tags after the exchange.
        is_own: (B,) 1 for sequences that keep their tags, 0 for polluted ones.
    """
    B = len(tags)
    differs = (tags[:, None] != tags).any(axis=2)  # else the label would be wrong
    # another sequence with different tags, uniformly: the one with the largest random number
    others = np.where(differs, rng.random((B, B)), -1).argmax(axis=1)
    is_own = (rng.random(B) >= POLLUTED) | ~differs.any(axis=1)
    return np.where(is_own[:, None], tags, tags[others]), is_own.astype(float)


def pretraining(tokens, tags, real, V, L, N, dtype):
    """Return the vlp.Reading of tags, [CLS] and captions that all see each other, one caption in each sequence.

    Args:
        tokens: (T, B) integers, the captions with hidden words.
        tags: (B, G) integers, the tags with hidden words.
        real: (T, B) 1 at words, 0 at padding.
        V: vocabulary size.
        L, N: number of locations, number of images.
        dtype: dtype of the mask.
    """
    (T, B), G = tokens.shape, tags.shape[1]
    places = np.concatenate([np.arange(1, G + 1), np.arange(T + 1)])  # [CLS] has place 0
    tokens = np.concatenate([tags, np.full((B, 1), V + 1), tokens.T], axis=1)
    mask = masks.bidirectional(L + G + 1, real.T, dtype)
    return vlp.Reading(tokens, places, mask, copies=B // N, first=0, tags=G)


def begin(params, a, core=stack):
    """Return the vlp.State before the first word.

    Args:
        params: arrays by name.
        a: (N, L, D + 2) annotations with tags.
        core: as for transformer.begin.
    """
    regions, tags = separate(a)
    r, _ = linear.linear_forward(regions, params["W_r"], params["b_r"])
    (_, L, S), G = r.shape, tags.shape[1]
    # q_k = sqrt(S) E_w + place(k) + E_tag
    q = math.sqrt(S) * params["E"][tags] + position.sinusoids(G + 1, S, r.dtype)[1:] + params["E_tag"]
    shared = np.concatenate([r + position.sinusoids(L, S, r.dtype), q], axis=1)
    state = transformer.begin_after(params, shared, core)
    return vlp.State(state.regions, state.words)
