"""Hard attention (Xu et al. section 4.1): at each word one location is drawn, and looked at alone.

A draw has no derivative: move alpha a little, and the same location is drawn. What alpha learns by instead is how well
the caption went after a draw (REINFORCE, Williams 1992). Of the variational bound (10)

    L_s = sum_s p(s | a) log p(y | s, a) <= log p(y | a)

the gradient (11) is the mean, over draws s of p(s | a), of

    (12) d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]

with lambda_r = 1 and lambda_e = 0. The baseline b changes nothing of the mean, only by how much single draws scatter
about it; lambda_e rewards a spread-out alpha, so that it goes on trying.
"""

from typing import NamedTuple

import numpy as np


class DrawCache(NamedTuple):
    expected: np.ndarray  # (B,)


class LocationLogPCache(NamedTuple):
    alpha: np.ndarray
    s: np.ndarray


class EntropyCache(NamedTuple):
    alpha: np.ndarray
    mask: np.ndarray


def draw_forward(alpha, uniforms, expected):
    """s_t ~ Categorical(alpha_t) and the weights of z_t = sum_i weights_ti a_i: 1 at s_t, 0 elsewhere.

    The location is the first at which alpha_1 + ... + alpha_i exceeds the uniform number times the sum of all, which is
    1 but for rounding. Captions with the expected context have alpha itself for weights, and that is soft attention.
    alpha: (B, L); uniforms: (B,), from 0 to below 1; expected: (B,) bool.
    Returns weights: (B, L), s: (B,) integers, drawn of every caption, and the cache.
    """
    L = alpha.shape[1]
    upto = alpha.cumsum(axis=1)
    s = (upto <= (uniforms * upto[:, -1])[:, None]).sum(axis=1)
    drawn = np.eye(L, dtype=alpha.dtype)[s]
    weights = np.where(expected[:, None], alpha, drawn)
    return weights, s, DrawCache(expected)


def draw_backward(dweights, cache):
    """dweights: (B, L). Returns dalpha: (B, L): of the expected context dweights; of a draw, which stays, nothing."""
    return np.where(cache.expected[:, None], dweights, 0)


def location_log_p_forward(alpha, s):
    """log p(s_t | a) = log alpha_{t, s_t}, for the locations that were drawn.

    alpha: (T, B, L); s: (T, B) integers. Returns (T, B) and the cache.
    """
    log_p = np.log(np.take_along_axis(alpha, s[..., None], axis=-1)[..., 0])
    return log_p, LocationLogPCache(alpha, s)


def location_log_p_backward(dlog_p, cache):
    """dlog_p: (T, B). Returns dalpha: (T, B, L), 1 / alpha at the location that was drawn, 0 elsewhere."""
    alpha, s = cache
    at_s = np.take_along_axis(alpha, s[..., None], axis=-1)
    dalpha = np.zeros_like(alpha)
    np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)
    return dalpha


def advantage(log_p, mask, baseline, to_go=False):
    """log p(y | s, a) - b of every word's draw: by how much the caption went better than usual.

    With to_go, a draw is judged by the words from its own on, for it has no part in those before: by the log p of these
    (reward-to-go), less b times their number over the mean number of a caption's words.
    log_p: (T, B) log p of every word, 0 at padding; mask: (T, B) of the same dtype, 1 at words; baseline: (1,), b.
    Returns (T, B), 0 at padding.
    """
    reward, usual = log_p.sum(axis=0), baseline
    if to_go:
        words = mask[::-1].cumsum(axis=0)[::-1]
        reward, usual = log_p[::-1].cumsum(axis=0)[::-1], baseline * words / words[0].mean()
    return (reward - usual) * mask


def move_baseline(baseline, log_p):
    """b <- 0.9 b + 0.1 log p(y | s, a), its mean over captions, in place. baseline: (1,); log_p: (T, B) as above."""
    baseline *= 0.9
    baseline += 0.1 * log_p.sum(axis=0).mean()


def entropy_forward(alpha, mask):
    """H[s], the mean over captions of sum_t - sum_i alpha_ti log alpha_ti, in nats; 0 log 0 is 0.

    alpha: (T, B, L); mask: (T, B) of the same dtype, 1 at words. Returns the entropy, a scalar, and the cache.
    """
    of_words = -(alpha * _log(alpha)).sum(axis=-1)
    return (of_words * mask).sum() / mask.shape[1], EntropyCache(alpha, mask)


def entropy_backward(dentropy, cache):
    """dentropy: scalar. Returns dalpha: (T, B, L), - (log alpha_ti + 1) at every word, 0 at padding."""
    alpha, mask = cache
    return -(_log(alpha) + 1) * (mask * (dentropy / mask.shape[1]))[..., None]


def _log(alpha):
    """log alpha; of 0, which a softmax may round to, a large negative number."""
    return np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny))
