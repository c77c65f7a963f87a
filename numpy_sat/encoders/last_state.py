"""Only the states in which reader.py's two LSTMs end: encoder and decoder without attention (Sutskever et al. 2014).

Whatever a sentence says must fit into this one vector, as many numbers for thirteen words as for one. To the decoder
it is a single location, which is all there is to look at.
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.encoders import reader

init_params, size = reader.init_params, reader.size


class EncodeCache(NamedTuple):
    reader: reader.EncodeCache
    shape: tuple


def encode_forward(params, sources, sizes):
    """a_1 = (h_L ahead, h_1 back). As reader.encode_forward; returns a: (N, 1, 2S) and the cache."""
    a, cache = reader.encode_forward(params, sources, sizes)
    ahead, back = np.split(a, 2, axis=2)
    return np.concatenate([ahead[:, -1:], back[:, :1]], axis=2), EncodeCache(cache, a.shape)


def encode_backward(dlast, cache):
    """dlast: (N, 1, 2S). Returns the gradients by parameter name."""
    da = np.zeros(cache.shape, dlast.dtype)
    dahead, dback = np.split(da, 2, axis=2)
    dahead[:, -1:], dback[:, :1] = np.split(dlast, 2, axis=2)
    return reader.encode_backward(da, cache.reader)


def encode(params, sources, sizes):
    """As encode_forward, without the cache."""
    return encode_forward(params, sources, sizes)[0]
