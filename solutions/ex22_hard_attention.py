"""Solution 22: Hard attention.

A draw is a step function of alpha, flat but for its jumps, so the chain rule ends at it: that is draw_backward. The
bound L_s = sum over s of p(s) log p(y | s) depends on alpha all the same, by how often each s is drawn. Of a product,
dL_s = sum over s of [p(s) d log p(y | s) + log p(y | s) dp(s)]; and since d log p = dp / p, dp(s) = p(s) d log p(s).
So both terms are means over draws, and one draw gives an estimate: d log p(y | s) + log p(y | s) d log p(s). And as
sum over s of p(s) = 1 whatever alpha is, sum over s of p(s) d log p(s) = 0: any number b that is the same for all draws
may be taken off log p(y | s). The functions are the parts of that.
"""

import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache


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
    # Piece i of the line goes from where piece i - 1 ends to here. A uniform number falls into it as often as it is
    # long, which is alpha_i.
    ends = np.cumsum(alpha, axis=1)

    # The line ends where the last piece does. That is 1, but rounding may leave it a little short, and a number between
    # would fall into no piece at all: so the uniform number is of the line as long as it is.
    length = ends[:, -1]
    place = uniforms * length

    # The piece that the place lies in is the first that ends behind it. All before that end at it or before it, so
    # their number is the number of the piece.
    before = ends <= place[:, None]
    s = before.sum(axis=1)

    # One row a caption: 1 at its location, 0 elsewhere.
    drawn = np.zeros_like(alpha)
    drawn[np.arange(len(alpha)), s] = 1

    # The mean of drawn over all draws is alpha: with it for weights z is the expected context.
    weights = np.where(expected[:, None], alpha, drawn)
    return weights, s, DrawCache(expected)


def draw_backward(dweights, cache):
    """Compute the gradient of draw_forward: dweights for the expected context, 0 for a sample.

    Args:
        dweights: (B, L) gradient of the weights.
        cache: from draw_forward.
    Returns:
        dalpha: (B, L).
    """
    # weights = alpha: each weight is one alpha.
    of_expected = dweights

    # weights = drawn: if alpha moves a little, no end of a piece crosses the place, and the same location is drawn.
    of_drawn = np.zeros_like(dweights)
    return np.where(cache.expected[:, None], of_expected, of_drawn)


def location_log_p_backward(dlog_p, cache):
    """Compute the gradient of location_log_p_forward: dlog_p / alpha at the sampled location, 0 elsewhere.

    Args:
        dlog_p: (T, B) gradient of log_p.
        cache: from location_log_p_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, s = cache

    # log_p_tb = log alpha_tbi at i = s_tb: in it stands one alpha alone, and all others get nothing.
    place = s[..., None]  # (T, B, 1), as take_along_axis and put_along_axis want it
    at_s = np.take_along_axis(alpha, place, axis=-1)

    # The slope of the log is 1 / alpha: a draw that was unlikely counts for more, just as it comes more seldom.
    slope = 1 / at_s
    dat_s = dlog_p[..., None] * slope
    dalpha = np.zeros_like(alpha)
    np.put_along_axis(dalpha, place, dat_s, axis=-1)
    return dalpha


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
    # log p of a caption is the sum over its words, and padding has 0. It is every draw's reward.
    reward = log_p.sum(axis=0)  # (B,)
    usual = baseline

    if to_go:
        # The words from t on: of the caption turned round, those up to t.
        from_the_end = log_p[::-1]
        reward = from_the_end.cumsum(axis=0)[::-1]  # (T, B)

        # How many they are, counted in the same way. From the first on it is all words of the caption.
        words = mask[::-1].cumsum(axis=0)[::-1]
        lengths = words[0]

        # b is what a caption of mean length gets: so much of it for each word.
        of_a_word = baseline / lengths.mean()
        usual = of_a_word * words

    # NumPy stretches (B,) over all words t. At padding nothing was drawn that counts.
    return (reward - usual) * mask


def move_baseline(baseline, log_p):
    """Update the baseline in place, as a moving average: b <- 0.9 b + 0.1 log p(y | s, a), averaged over captions.

    Args:
        baseline: (1,) b, changed in place.
        log_p: (T, B) log p of every word, 0 at padding.
    """
    # Words of a caption are summed, captions averaged.
    of_captions = log_p.sum(axis=0)
    new = of_captions.mean()

    # Into the array itself, for the model and its checkpoint hold the same.
    baseline[:] = 0.9 * baseline + 0.1 * new


def entropy_forward(alpha, mask):
    """Compute the entropy H[s] of the attention weights: the mean over captions of - sum_t sum_i alpha_ti log alpha_ti.

    Args:
        alpha: (T, B, L) attention weights; 0 log 0 counts as 0.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        entropy: a scalar, nats per caption.
        cache: what entropy_backward needs.
    """
    # How surprising location i is, - log alpha_i, as often as it is drawn, alpha_i. Of 0 the smallest number there is
    # takes the place, so that the log is finite: times 0 it is 0.
    smallest = np.finfo(alpha.dtype).tiny
    surprise = -np.log(np.maximum(alpha, smallest))
    of_words = (alpha * surprise).sum(axis=-1)  # (T, B)

    # Padding has no say. The sum over words, the mean over the B captions.
    B = mask.shape[1]
    entropy = (of_words * mask).sum() / B
    return entropy, EntropyCache(alpha, mask)


def entropy_backward(dentropy, cache):
    """Compute the gradient of entropy_forward: - (log alpha_ti + 1) / B at every word, 0 at padding.

    Args:
        dentropy: gradient of the entropy, a scalar.
        cache: from entropy_forward.
    Returns:
        dalpha: (T, B, L).
    """
    alpha, mask = cache

    # Every word's entropy counts 1 / B times, that of padding not at all.
    B = mask.shape[1]
    dof_words = mask * (dentropy / B)  # (T, B)

    # Of - alpha log alpha, the product rule: - log alpha, and - alpha times the log's slope 1 / alpha, which is - 1.
    smallest = np.finfo(alpha.dtype).tiny
    log_alpha = np.log(np.maximum(alpha, smallest))
    slope = -log_alpha - 1
    return dof_words[..., None] * slope
