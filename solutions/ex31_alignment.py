"""Solution 31: Words and regions.

The score is a sum over words, and each word reads one product: that of its best region. So the backward pass is that
of max-pooling. The gradient goes to the best region, and a region that is the best of several words gets a sum. The
margin loss compares each wrong pair with two right ones. Every term above 0 has the slope 1 for the wrong pair and -1
for the right one.

Answers to the questions of the page:

1. dv = [[[1, 0], [0, 1]], [[0, -1], [-1, 0]]]. In image 0, the first word picks region 0 and the second region 1. In
   image 1 it is the other way round, and the sign is that of dS.
2. dS = [[-0.5, 1], [0, -0.5]]. A step against the gradient raises both right pairs, and lowers the score of image 0
   with sentence 1, which counts twice.
3. ds = 0, because each ds is a sum of region vectors. dv need not be 0. But all products are equal, so which region
   is the best is arbitrary: np.argmax takes the first. Start the regions from small random numbers.
"""

import numpy as np

from numpy_sat.layers.alignment import MarginCache, ScoreCache


def score_forward(v, s, mask):
    """Compute the score S_kl of every image k with every sentence l.

    Args:
        v: (K, R, H) region vectors of K images.
        s: (T, B, H) word vectors of B sentences.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        S: (K, B).
        cache: what score_backward needs.
    """
    (T, B, _), K = s.shape, len(v)
    S = np.empty((K, B), v.dtype)
    best = np.empty((K, T, B), np.intp)
    for k in range(K):
        # products_tbi = s_tb . v_ki, of all words with the regions of image k: (T, B, R)
        products = s @ v[k].T

        # Each word picks its best region: (T, B)
        best[k] = products.argmax(axis=2)
        largest = products.max(axis=2)

        # S_kb = sum over words t of mask_tb largest_tb. At padding, the mask is 0.
        S[k] = (mask * largest).sum(axis=0)
    return S, ScoreCache(v, s, best, mask)


def score_backward(dS, cache):
    """Compute the gradients of score_forward. Only the best region of a word receives a gradient from it.

    Args:
        dS: (K, B).
        cache: from score_forward.
    Returns:
        dv: (K, R, H).
        ds: (T, B, H).
    """
    v, s, best, mask = cache
    dv, ds = np.zeros_like(v), np.zeros_like(s)
    for k in range(len(v)):
        # S_kb = sum over t of mask_tb largest_tb, so dlargest_tb = mask_tb dS_kb: (T, B)
        dlargest = mask * dS[k]
        weights = dlargest[:, :, None]

        # largest_tb = v_ki . s_tb with i = best_tb, so ds_tb = dlargest_tb v_ki. Every image adds a term.
        best_regions = v[k][best[k]]  # (T, B, H)
        ds += weights * best_regions

        # dv_ki = sum of dlargest_tb s_tb over the words whose best region is i. np.add.at adds where an index repeats.
        np.add.at(dv[k], best[k], weights * s)
    return dv, ds


def margin_forward(S):
    """Compute the margin loss: the mean over pairs k of C_k. Sentence k belongs to image k.

    Args:
        S: (K, K) scores, S_kl of image k with sentence l.
    Returns:
        loss: a scalar.
        cache: what margin_backward needs.
    """
    K = len(S)
    right = np.diag(S)
    wrong_pairs = ~np.eye(K, dtype=bool)

    # sentences_kl = S_kl - S_kk + 1: sentence l should fit image k less than sentence k does, by 1
    sentences = S - right.reshape(K, 1) + 1
    over_sentences = wrong_pairs & (sentences > 0)

    # images_kl = S_kl - S_ll + 1: image k should fit sentence l less than image l does, by 1
    images = S - right.reshape(1, K) + 1
    over_images = wrong_pairs & (images > 0)

    # loss = the sum of all terms above 0, divided by the number of pairs
    total = np.where(over_sentences, sentences, 0).sum() + np.where(over_images, images, 0).sum()
    loss = total / K
    return loss, MarginCache(over_sentences, over_images)


def margin_backward(dloss, cache):
    """Compute the gradient of margin_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from margin_forward.
    Returns:
        dS: (K, K) float64.
    """
    over_sentences, over_images = cache
    K = len(over_sentences)
    dS = np.zeros((K, K))
    for k in range(K):
        for l in range(K):
            # The term S_kl - S_kk + 1 raises dS_kl by 1 and lowers dS_kk by 1.
            if over_sentences[k, l]:
                dS[k, l] += 1
                dS[k, k] -= 1
            # The term S_kl - S_ll + 1 raises dS_kl by 1 and lowers dS_ll by 1.
            if over_images[k, l]:
                dS[k, l] += 1
                dS[l, l] -= 1
    # loss = the sum of these terms / K
    return dS * dloss / K
