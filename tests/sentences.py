"""Provide random sentences, and encoders of sentences as layers for the gradient check."""

import numpy as np

from numpy_sat.data.vocabulary import END
from numpy_sat.encoders import reader

N, L, SIZES = 3, 5, (7, 4, 2)  # V, M, S


def random_params(rng, sizes=SIZES):
    """Draw parameters of the reader in float64, including biases."""
    params = reader.init_params(rng, sizes, dtype=np.float64)
    return {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in params.items()}


def random_sources(rng, N=N, L=L, V=SIZES[0]):
    """Draw sentences of different lengths with repeated words, padded with <end>."""
    sources = rng.integers(3, V, (N, L))
    for row, length in zip(sources, rng.integers(1, L, N), strict=True):
        row[length:] = END
    return sources


def layer(sources, encoder=reader, sizes=SIZES):
    """Return forward and backward functions of an encoder for gradcheck.check_layer."""
    names = list(reader.init_params(np.random.default_rng(0), sizes))

    def backward(da, cache):
        grads = encoder.encode_backward(da, cache)
        assert grads.keys() == set(names)
        return tuple(grads[name] for name in names)

    return lambda **params: encoder.encode_forward(params, sources, sizes), backward
