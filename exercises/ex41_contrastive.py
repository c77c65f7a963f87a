"""Exercise 41: Polluted tags                        (difficulty 2 of 3, about 45 minutes; builds on exercises 4 and 40)

Goal            Teach a model which tags belong to an image and its caption. Oscar (Li et al. 2020) exchanges the tags
                of half of the sequences for those of another image. A number between 0 and 1, computed from the vector
                of the token [CLS], says whether the tags are the image's own.

Equations       s_b  = w . h_b + b_c                 h_b: the vector of [CLS] of sequence b              (B,)
                p_b  = sigm(s_b)                     the probability that the tags are its own           (B,)
                loss = - mean over b of [y_b log p_b + (1 - y_b) log(1 - p_b)]                           a number
                log p = - softplus(-s)    log(1 - p) = - softplus(s)    softplus(x) = log(1 + exp(x))
                ds_b = (p_b - y_b) / B, times dloss
                y_b  is 1 for own tags, and 0 for polluted ones

Worked example  Two sequences. The tags of the first one are its own:
                h = [[ln 4, 7], [0, 3]]   w = [1, 0]   b_c = [0]   y = [1, 0]   p = [0.8, 0.5]   loss = 0.4581
                For dloss = 1, dh = [[-0.1, 0], [0.25, 0]]
                Three sequences with the tags [3, 7], [4, 8] and [3, 7]. The first and the third have equal tags, so
                both may only receive those of the second. The second one may receive those of either.
                1. Find dw and db_c.
                2. pollute (below) draws a matrix whose second row is [0.2, 0.3, 0.7]. Whose tags may sequence 2 get?
                   Then it draws [0.3, 0.9, 0.1]. Find is_own and the new tags of all three.
                3. Why must the new tags differ from the old ones? Which loss has a model that cannot tell them apart?

Your task       1. pollute: draw rng.random((B, B)), then rng.random(B). Sequence b may receive the tags of the sequence
                   with the largest number in row b of the first, among those with different tags. It does so if its
                   number in the second is below POLLUTED. Trap: if no sequence has different tags, it keeps its own.
                2. contrastive_forward: compute the loss. Trap: p rounds to 1 for a score of 40, and log(1 - p) is then
                   infinite. Compute both logarithms from s.
                3. contrastive_backward: compute dh, dw and db_c. Trap: db_c has the shape (1,).

Given           POLLUTED is 0.5               softplus(x)        log(1 + exp(x)) without overflow
                activations.sigmoid_forward(x)        sigm(x) without overflow, and its cache
                The cache ContrastiveCache(h, w, s, y) is packed and unpacked for you.

Run             python -m exercises check 41   python -m exercises hint 41   python -m exercises check 41 --pencil
Read            exercises/chapters/attention_to_transformers.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.decoders.oscar import POLLUTED
from numpy_sat.layers import activations
from numpy_sat.layers.contrastive import ContrastiveCache
from numpy_sat.layers.noisy_or import softplus


def pollute(rng, tags):
    """Exchange the tags of some sequences for those of others, which must differ.

    Args:
        rng: numpy Generator.
        tags: (B, G) tags of each sequence.
    Returns:
        tags: (B, G) tags after the exchange.
        is_own: (B,) 1 for sequences that keep their tags, 0 for polluted ones.
    """
    raise NotImplementedError("exercise 41: pollute")


def contrastive_forward(h, w, b_c, y):
    """Compute the binary cross-entropy of B sequences.

    Args:
        h: (B, S) vectors of [CLS].
        w: (S,) weights of the score.
        b_c: (1,) bias of the score.
        y: (B,) 1 for own tags, 0 for polluted ones.
    Returns:
        loss: a scalar, nats per sequence.
        cache: what contrastive_backward needs.
    """
    raise NotImplementedError("exercise 41: contrastive_forward")
    return loss, ContrastiveCache(h, w, s, y)


def contrastive_backward(dloss, cache):
    """Compute the gradients of contrastive_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from contrastive_forward.
    Returns:
        dh: (B, S).
        dw: (S,).
        db_c: (1,).
    """
    h, w, s, y = cache
    raise NotImplementedError("exercise 41: contrastive_backward")
