"""Check the kernel of all words against the kernels that compute one word."""

import numpy as np
import pytest
from float32 import error

from numpy_sat.decoders import attend_tell
from numpy_sat.decoders.attentions import soft
from numpy_sat.decoders.fast import recurrence
from numpy_sat.kernels import soft_recurrence
from numpy_sat.kernels.simd import LANES
from numpy_sat.system import machine

V, T, N = 11, 4, 5


def decode(params, a, words, dlogits, dalpha, parts):
    """Return the logits, the attention weights and all gradients of a decoder."""
    mask = np.ones((*words.shape, len(params["W_hh"])), np.float32)
    logits, alpha, cache = recurrence.decode_forward(params, a, words, mask, parts)
    da, grads = recurrence.decode_backward(dlogits, dalpha, cache)
    return {"logits": logits, "alpha": alpha, "da": da} | grads


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("captions", [1, 4])
def test_all_words_in_one_kernel(rng, monkeypatch, gate, captions):
    """Compare with the loop over words, for sizes that do not fill vectors; and runs on 1, 2 and 3 threads."""
    parts = attend_tell.Parts(soft, gate=gate)
    params = attend_tell.init_params(rng, 2 * LANES + 3, 8, LANES + 5, LANES + 1, np.zeros(V))
    a = rng.standard_normal((N, 7, 2 * LANES + 3)).astype(np.float32)
    words = rng.integers(0, V, (T, N * captions))
    dlogits, dalpha = (rng.standard_normal((T, N * captions, size)).astype(np.float32) for size in (V, 7))
    arguments = params, a, words, dlogits, dalpha, parts
    monkeypatch.setattr(soft_recurrence, "fits", lambda *sizes: False)
    expected = decode(*arguments)
    monkeypatch.setattr(soft_recurrence, "fits", lambda *sizes: True)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(machine, "THREADS", min(threads, machine.THREADS))
        results.append(decode(*arguments))
    assert results[0].keys() == expected.keys()
    for name, array in expected.items():
        assert error(np.ascontiguousarray(results[0][name]), array) < 3e-6, name
        assert all(np.array_equal(other[name], results[0][name]) for other in results[1:]), name


def test_weights_that_leave_the_cache_take_the_loop(monkeypatch):
    monkeypatch.setattr(machine, "cache_size", lambda: 1 << 20)
    assert soft_recurrence.fits(128, 64, 80)
    assert not soft_recurrence.fits(512, 512, 512)
