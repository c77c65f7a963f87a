"""Exercise 31: Words and regions                     (difficulty 2 of 3, about 60 minutes; builds on exercises 3 and 5)

Goal            Find out which part of an image a word speaks about, from pairs of images and captions alone. Each word
                picks its best region, and the sum is the score of image and sentence (Karpathy and Li 2014). The margin
                loss asks that the right pairs score higher than all wrong ones. No region has a label.

Equations       products_kitb = v_ki . s_tb                    (K, R, T, B)   region i of image k, word t of sentence b
                S_kb     = sum over words t of max over i of products_kitb                    (K, B)
                dv_ki    = sum of dS_kb s_tb over the words (t, b) whose best region it is    (K, R, H)
                ds_tb    = sum over images k of dS_kb v_ki, with i the word's best region     (T, B, H)
                sentences_kl = S_kl - S_kk + 1   another sentence l for image k               (K, K)
                images_kl    = S_kl - S_ll + 1   another image k for sentence l               (K, K)
                loss     = (sum of max(0, sentences_kl) + sum of max(0, images_kl)) / K       both over all l != k
                dS_kl    = dloss / K times the number of its terms above 0, for l != k                (K, K)
                dS_kk    = -dloss / K times the number of terms above 0 that subtract S_kk

Worked example  Two images of two regions, and one sentence of two words:
                v = [[[1, 0], [0, 2]], [[0, 3], [1, 1]]]   s = [[[1, 0]], [[0, 1]]]   S = [[3], [4]]
                1. For dS = [[1], [-1]], ds = [[[0, -1]], [[0, -1]]]. Find dv.
                Two pairs, K = 2: scores = [[3, 4], [1, 4.5]]
                sentences_01 = 4 - 3 + 1 = 2, and sentences_10 = 1 - 4.5 + 1 = -2.5, which counts 0.
                images_01 = 4 - 4.5 + 1 = 0.5, and images_10 = 1 - 3 + 1 = -1, which counts 0. So loss = 1.25
                2. For dloss = 1, find dS. Which scores does a step of gradient descent raise?
                3. If all v_i are 0 at the start, what are dv and ds?

Your task       1. score_forward: compute S, and keep the best region of each word for the cache.
                   Trap: a word at padding, where mask is 0, adds nothing. A best product below 0 counts, too.
                2. score_backward: compute dv and ds. Trap: several words can have the same best region.
                3. margin_forward: compute the loss, and for the cache which terms are above 0.
                   Trap: the right pairs, l = k, have no term.
                4. margin_backward: compute dS. Trap: S_kk is part of many terms.

Given           NumPy is all you need. The caches ScoreCache(v, s, best, mask) and MarginCache(over_sentences,
                over_images) are packed and unpacked for you. best is (K, T, B). over_... are (K, K), True or False.

Run             python -m exercises check 31   python -m exercises hint 31   python -m exercises check 31 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
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
    raise NotImplementedError("exercise 31: score_forward")
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
    raise NotImplementedError("exercise 31: score_backward")


def margin_forward(S):
    """Compute the margin loss: the mean over pairs k of C_k. Sentence k belongs to image k.

    Args:
        S: (K, K) scores, S_kl of image k with sentence l.
    Returns:
        loss: a scalar.
        cache: what margin_backward needs.
    """
    raise NotImplementedError("exercise 31: margin_forward")
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
    raise NotImplementedError("exercise 31: margin_backward")
