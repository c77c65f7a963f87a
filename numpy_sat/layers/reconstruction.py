"""The squared error between an image's vector and its reconstruction from the words so far (Chen and Zitnick 2014)."""

from typing import NamedTuple

import numpy as np


class ReconstructionCache(NamedTuple):
    """Arrays that reconstruction_forward keeps for reconstruction_backward."""

    difference: np.ndarray  # (T, B, D)
    mask: np.ndarray  # (T, B)


def reconstruction_forward(V_tilde, V, mask):
    """Compute the reconstruction loss: the mean over captions of sum_t |V - V_tilde_t|^2 / D.

    The image's vector V is a target, and receives no gradient. Otherwise an encoder that is trained with this loss
    could make every V small.

    Args:
        V_tilde: (T, B, D) reconstructions after each word.
        V: (N, D) vectors of the images; B / N consecutive captions belong to each image.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        loss: a scalar.
        cache: what reconstruction_backward needs.
    """
    B, D = V_tilde.shape[1:]
    difference = V_tilde - np.repeat(V, B // len(V), axis=0)
    loss = (difference * difference * mask[..., None]).sum() / (B * D)
    return loss, ReconstructionCache(difference, mask)


def reconstruction_backward(dloss, cache):
    """Compute the gradient of reconstruction_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from reconstruction_forward.
    Returns:
        dV_tilde: (T, B, D).
    """
    difference, mask = cache
    B, D = difference.shape[1:]
    return (2 * dloss / (B * D)) * difference * mask[..., None]
