"""Solution 41: Polluted tags.

Half of the sequences get the tags of another one, whose tags must differ. The loss is the binary cross-entropy of the
question whether the tags are own ones. Its gradient is p - y, as that of the softmax is p - onehot.

Answers to the questions of the page:

1. ds is [-0.1, 0.25], so dw = [-0.1386, 0.05] and db_c = [0.15]
2. Those of the third: 0.7 is the largest number of the two sequences that differ. is_own = [0, 1, 0], since 0.9 is not
   below POLLUTED. The second sequence keeps its tags. The others get [4, 8], so all three have tags = [4, 8].
3. If they were equal, the label 0 would be wrong: the tags would fit. A model that cannot tell answers 1/2 at best,
   with loss = 0.6931, that is ln 2.
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
    B = len(tags)

    # differs_bc: at least one of the G tags of b and c differs
    differs = (tags[:, None] != tags).any(axis=2)

    # the largest random number among the sequences with different tags; -1 is below all random numbers
    numbers = np.where(differs, rng.random((B, B)), -1)
    others = numbers.argmax(axis=1)

    # the tags are the own ones by chance, or because no sequence has different tags
    is_own = (rng.random(B) >= POLLUTED) | ~differs.any(axis=1)
    new_tags = np.where(is_own[:, None], tags, tags[others])
    return new_tags, is_own.astype(float)


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
    # s_b = w . h_b + b_c
    s = h @ w + b_c

    # p = sigm(s) = 1 / (1 + exp(-s)), so -log p = softplus(-s) and -log(1 - p) = softplus(s)
    if_own = softplus(-s)
    if_polluted = softplus(s)

    # loss = mean over b of - y_b log p_b - (1 - y_b) log(1 - p_b)
    loss = (y * if_own + (1 - y) * if_polluted).mean()
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
    B = len(y)

    # softplus has the slope sigm: d softplus(-s) / ds = - sigm(-s) = p - 1, and d softplus(s) / ds = p.
    # So ds_b = (y_b (p_b - 1) + (1 - y_b) p_b) dloss / B = (p_b - y_b) dloss / B
    p, _ = activations.sigmoid_forward(s)
    ds = (p - y) * (dloss / B)

    # s_b = w . h_b + b_c: each sequence has its own h, and all share w and b_c
    dh = ds[:, None] * w
    dw = h.T @ ds
    db_c = ds.sum(keepdims=True)
    return dh, dw, db_c
