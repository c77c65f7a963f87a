"""Exercise 22: Hard attention, sampling a location         (difficulty 2 of 3, about 45 minutes; builds on exercise 28)

Goal            Train a model that makes a random choice. Soft attention reads a mean of all locations; hard attention
                samples one and reads it alone. Sampling has no gradient: a small change of alpha usually leaves the
                sampled location unchanged. REINFORCE works around this. It lets the model write the caption, measures
                how well it went, and raises the probability of samples that did better than a baseline.

Equations       s_tb ~ Categorical(alpha_tb);   z_tb = a at location s_tb                    (T, B); (T, B, D)
                (10) L_s = sum over s of p(s | a) log p(y | s, a) <= log p(y | a)            a number, to maximize
                (12) dL_s = mean over samples s of  d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a)
                                                    + lambda_e dH[s]
                log p(s_tb | a) = log alpha_tbi at i = s_tb                                  (T, B)
                The equations are those of Xu et al. 2015. Here you write the sample and d log p(s | a). Exercise 30 has
                b, the advantage log p(y | s, a) - b, and H.

Worked example  alpha = [[.2, .5, .3]]   uniforms = [0.6]   s = [1]   weights = [[0, 1, 0]]    Which does 0.2 sample?
                dweights = [[5, 1, 2]]   dalpha = [[0, 0, 0]], because s was sampled. What is dalpha where `expected`?
                s = [1]   dlog_p = [[2]]   dalpha = [[[0, 4, 0]]]     What is dalpha if location 0 is sampled?
                Through the softmax, the gradient of the scores is [-0.4, 1, -0.6], which is 2 (weights - alpha).

Your task       1. draw_forward: divide a line into pieces of the lengths alpha_i, whose ends are alpha.cumsum. The
                   uniform number falls into one piece, the sampled location s. Return the weights of z = sum over i of
                   weights_i a_i: 1 at s and 0 elsewhere. Captions with expected True read the mean of all locations:
                   their weights are alpha. Trap: rounding may end the line below 1. So multiply the uniform number by
                   the end of the last piece.
                2. draw_backward: pass dweights on for captions with the expected context, and 0 for samples.
                3. location_log_p_backward: compute dalpha. Its forward, location_log_p_forward, is in the library.
                   Trap: dlog_p contains lambda_r already.

Given           NumPy is all you need: np.take_along_axis and np.put_along_axis read and write at s. The caches
                DrawCache(expected) and LocationLogPCache(alpha, s) are packed and unpacked for you.

Run             python -m exercises check 22   python -m exercises hint 22   python -m exercises check 22 --pencil
Read            exercises/chapters/hard_attention.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, LocationLogPCache


def draw_forward(alpha, uniforms, expected):
    """Sample a location s_t ~ Categorical(alpha_t) for each caption and return the weights of the context vector.

    The context vector is z_t = sum_i weights_ti a_i. If `expected` is True for a caption, its context vector is the
    expected context, as in soft attention: the weights are alpha.

    The sampled location is the first i with alpha_0 + ... + alpha_i > uniform * (sum of all alpha). This sum is 1 up to
    rounding.

    Args:
        alpha: (B, L) attention weights.
        uniforms: (B,) uniform random numbers in [0, 1).
        expected: (B,) bool, True for captions that use the expected context.
    Returns:
        weights: (B, L) 1 at s_t and 0 elsewhere, or alpha for the expected context.
        s: (B,) integers, the sampled location of every caption.
        cache: what draw_backward needs.
    """
    raise NotImplementedError("exercise 22: draw_forward")
    return weights, s, DrawCache(expected)


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    expected = cache.expected
    raise NotImplementedError("exercise 22: draw_backward")


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, s = cache
    raise NotImplementedError("exercise 22: location_log_p_backward")
