"""Exercise 22: Hard attention.

To learn: how to learn from a throw of dice. Soft attention takes a little of every location. Hard attention draws
one, s_t ~ Categorical(alpha_t), and looks at it alone: z_t = a at s_t. A draw has no derivative: move alpha a little,
and the same location is drawn. But one sees how the caption went, and can make good draws likelier (REINFORCE).

    (10) L_s = sum over s of p(s | a) log p(y | s, a), at most log p(y | a), is to grow. Its gradient is the mean of
    (12) d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over draws s

The baseline b, what captions usually get, changes nothing of the mean, for the mean of d log p(s | a) is 0; but draws
are then praised for being better than usual, and scatter less. H, the entropy, keeps alpha trying.

draw: cut a line into pieces as long as the alphas. A uniform number falls into one, and that location is drawn; where
the pieces end alpha.cumsum says. Rounding may end them short of 1, so multiply the uniform number by where the last
one ends (in one case here that is 0.9). Returned are the weights of z_t = sum over i of weights_i a_i, and s. Captions
with expected True do not look where s is: their weights are alpha. The cache is DrawCache(expected).

location_log_p: log p(s_t | a) = log alpha at s_t. The forward is there; its cache: LocationLogPCache(alpha, s).

advantage: log p(y | s, a) is the sum of a caption's log p over its words, and all its draws get the same. With to_go
a draw gets the log p of its own word and of those after it, for it has no part in those before; and of b as much as
so many words get, b times their number over the mean number of a caption's words. Words, not padding: see mask.
lambda_r and lambda_e are not yours to multiply by: the gradients that come in, dlog_p and dentropy, have them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, that is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: alpha = [[.2, .5, .3]]. The uniform number 0.6 draws the middle one: weights [[0, 1, 0]].
Which does 0.2 draw? If the first draw is worth dlog_p = [[2]], dalpha is [[[0, 4, 0]]], and through the softmax the
scores get [-0.4, 1, -0.6], which is 2 (weights - alpha). Had the first one been drawn, what would its score get?
A caption's two words have log p = [[-1], [-3]], and b = [-6]: both draws' advantage is 2. What is it with to_go?
(The first one's is -4 + 6 = 2; find the other's.) And where does b move? (To -5.4 - 0.4 = -5.8.)
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache, LocationLogPCache


def draw_forward(alpha, uniforms, expected):
    """Sample a location s_t ~ Categorical(alpha_t) for each caption and return the weights of the context vector.

    The context vector is z_t = sum_i weights_ti a_i. A caption with `expected` True uses the expected context instead
    of the sample. Its weights are alpha itself, which is soft attention.

    The sampled location is the first i with alpha_1 + ... + alpha_i > uniform * (alpha_1 + ... + alpha_L). The total
    is 1 up to rounding.

    Args:
        alpha: (B, L) attention weights.
        uniforms: (B,) random numbers from 0 to below 1.
        expected: (B,) bool, True for captions that use the expected context.
    Returns:
        weights: (B, L) 1 at s_t and 0 elsewhere, or alpha for the expected context.
        s: (B,) integers, the sampled location of every caption.
        cache: what draw_backward needs.
    """
    raise NotImplementedError("exercise 22: draw_forward")


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    raise NotImplementedError("exercise 22: draw_backward")


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    raise NotImplementedError("exercise 22: location_log_p_backward")


def advantage(log_p, mask, baseline, to_go=False):
    """Compute the advantage log p(y | s, a) - b of every sampled location.

    It says by how much the caption went better than the baseline. All samples of a caption share its advantage, except
    with `to_go`. A sample cannot influence earlier words, so reward-to-go counts only the log p from its own word to
    the end. The baseline then shrinks in proportion: b times the number of these words over the mean caption length.

    Args:
        log_p: (T, B) log p of every word, 0 at padding.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        baseline: (1,) b, usual log p of a caption.
        to_go: True for reward-to-go.
    Returns:
        (T, B) advantages, 0 at padding.
    """
    raise NotImplementedError("exercise 22: advantage")


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    raise NotImplementedError("exercise 22: move_baseline")


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    raise NotImplementedError("exercise 22: entropy_forward")


def entropy_backward(dentropy, cache):
    """Compute the gradient of entropy_forward: - (log alpha_ti + 1) / B at every word, 0 at padding.

    Args:
        dentropy: gradient of the entropy, a scalar.
        cache: from entropy_forward.
    Returns:
        dalpha: (T, B, L).
    """
    raise NotImplementedError("exercise 22: entropy_backward")
