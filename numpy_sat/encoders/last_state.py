"""Define the encoder of a translator without attention (Sutskever et al. 2014): the last states of the reader's LSTMs.

One vector of fixed size must hold the whole sentence, whether it has one word or thirteen. To the decoder this vector
is a single location.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.encoders import reader

init_params, size = reader.init_params, reader.size


class EncodeCache(NamedTuple):
    """The reader's cache, and the shape of its annotation vectors."""

    reader: reader.EncodeCache
    shape: tuple  # (N, L, 2S)


def encode_forward(params, sources, sizes):
    """Compute a_1 = (h_L ahead, h_1 back).

    Args:
        params, sources, sizes: as in reader.encode_forward.
    Returns:
        a: (N, 1, 2S).
        cache: what encode_backward needs.
    """
    a, cache = reader.encode_forward(params, sources, sizes)
    ahead, back = np.split(a, 2, axis=2)
    return np.concatenate([ahead[:, -1:], back[:, :1]], axis=2), EncodeCache(cache, a.shape)


def encode_backward(dlast, cache):
    """Compute the gradients of encode_forward.

    Args:
        dlast: (N, 1, 2S) gradient of a.
        cache: from encode_forward.
    Returns:
        Gradients by parameter name.
    """
    da = np.zeros(cache.shape, dlast.dtype)
    dahead, dback = np.split(da, 2, axis=2)
    dahead[:, -1:], dback[:, :1] = np.split(dlast, 2, axis=2)
    return reader.encode_backward(da, cache.reader)


def encode(params, sources, sizes):
    """Return the annotation vectors of encode_forward, without the cache."""
    return encode_forward(params, sources, sizes)[0]
