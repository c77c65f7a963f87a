"""The similarity of images and captions, and the loss that separates right from wrong captions (Fang et al. 2014).

R(I, S) = cos(y_I, y_S),   P(S | I) = exp(gamma R(I, S)) / sum over S and wrong captions S' of exp(gamma R(I, S'))
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import noisy_or, softmax

SMALLEST = 1e-12  # norm of a vector
NEVER = -1e30  # score of a caption that is not among the wrong ones


class CosineCache(NamedTuple):
    """Arrays that cosine_forward keeps for cosine_backward."""

    y_I: np.ndarray  # (N, H) of length 1
    y_S: np.ndarray  # (B, H) of length 1
    norm_I: np.ndarray  # (N, 1)
    norm_S: np.ndarray  # (B, 1)


class ContrastCache(NamedTuple):
    """Arrays that contrast_forward keeps for contrast_backward."""

    wrong: np.ndarray  # (N, B) probability of each wrong caption among the wrong ones
    error: np.ndarray  # (N, B / N) 1 - P(S | I) of the right captions
    gamma: float


def cosine_forward(y_I, y_S):
    """Compute the cosine of every image's vector with every caption's vector.

    Args:
        y_I: (N, H) vectors of images.
        y_S: (B, H) vectors of captions.
    Returns:
        R: (N, B).
        cache: what cosine_backward needs.
    """
    norm_I, norm_S = (np.maximum(np.linalg.norm(y, axis=1, keepdims=True), SMALLEST) for y in (y_I, y_S))
    # R(I, S) = y_I . y_S / (|y_I| |y_S|)
    unit_I, unit_S = y_I / norm_I, y_S / norm_S
    return unit_I @ unit_S.T, CosineCache(unit_I, unit_S, norm_I, norm_S)


def cosine_backward(dR, cache):
    """Compute the gradients of cosine_forward.

    Args:
        dR: (N, B).
        cache: from cosine_forward.
    Returns:
        dy_I: (N, H).
        dy_S: (B, H).
    """
    unit_I, unit_S, norm_I, norm_S = cache
    dunit_I, dunit_S = dR @ unit_S, dR.T @ unit_I
    # A change along the vector itself changes only its length: (d - (d . y) y) / |y|
    dy_I = (dunit_I - (dunit_I * unit_I).sum(axis=1, keepdims=True) * unit_I) / norm_I
    dy_S = (dunit_S - (dunit_S * unit_S).sum(axis=1, keepdims=True) * unit_S) / norm_S
    return dy_I, dy_S


def contrast_forward(R, gamma):
    """Compute the mean over captions of - log P(S | I). The wrong captions are those of the other images.

    Args:
        R: (N, B) similarities; B / N consecutive captions belong to each image.
        gamma: factor of the similarity.
    Returns:
        loss: a scalar, nats per caption.
        cache: what contrast_backward needs.
    """
    N, B = R.shape
    own = np.arange(N)[:, None] == np.arange(B) // (B // N)
    right = (gamma * R[own]).reshape(N, B // N)
    # log of the sum over the wrong captions
    scores = np.where(own, NEVER, gamma * R)
    wrong = softmax.log_sum_exp(scores)[:, None]
    # - log P(S | I) = log(exp(gamma R) + sum over wrong captions) - gamma R = softplus(wrong - gamma R)
    loss = noisy_or.softplus(wrong - right).mean()
    return loss, ContrastCache(np.exp(scores - wrong), np.exp(-noisy_or.softplus(right - wrong)), gamma)


def contrast_backward(dloss, cache):
    """Compute the gradient of contrast_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from contrast_forward.
    Returns:
        dR: (N, B).
    """
    wrong, error, gamma = cache
    N, B = wrong.shape
    own = np.arange(N)[:, None] == np.arange(B) // (B // N)
    # term 1: every right caption of an image lowers the image's wrong ones
    dR = wrong * error.sum(axis=1, keepdims=True)
    # term 2: a right caption rises by its error
    dR[own] = -error.ravel()
    return dR * (dloss * gamma / B)
