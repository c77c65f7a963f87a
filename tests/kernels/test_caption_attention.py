"""Check the attention of packed captions against that of any mask, and its bits on several threads."""

import numpy as np
import pytest
from float32 import error

from numpy_sat.decoders import masks
from numpy_sat.decoders.fast import packing
from numpy_sat.kernels import caption_attention, self_attention, threads, token_shift
from numpy_sat.kernels.simd import LANES
from numpy_sat.layers.self_attention import HIDDEN
from numpy_sat.system import machine

CASES = {  # images, regions, heads, lengths of the captions
    "scenes": (2, 64, 4, (19, 7, 12, 8, 16, 17)),
    "no size is a multiple of a vector": (3, 2 * LANES + 3, 3, (2 * LANES + 1, 1, LANES)),
    "captions without words": (2, 5, 1, (0, 4, 3, 0)),
    "one word": (1, 1, 2, (1,)),
}
cases = pytest.mark.parametrize("case", CASES)
words_alone = pytest.mark.parametrize("words_alone", [False, True])


def arrays_of(rng, case, words_alone):
    """Draw the arguments of attend, the gradient of its result, and the mask for self_attention.py."""
    N, L, heads, lengths = CASES[case]
    packed = packing.pack((max(lengths), len(lengths)), np.array(lengths))
    R, K, first = N * L + sum(lengths), 2 * LANES, N * L if words_alone else 0
    qkv, do = (rng.standard_normal(shape).astype(np.float32) for shape in ((R, 3, heads, K), (R - first, heads, K)))
    mask = self_attention.padded_mask(mask_of(packed, N, L)[:, first:].copy())
    return (qkv, packed.starts, N, first, 0.3), do, mask


def mask_of(packed, N, L):
    """Return the mask (1, R, R) of all rows: that of padded captions within an image, and no row sees other images."""
    each, T = (len(packed.starts) - 1) // N, max(packed.places) + 1
    image = np.concatenate([np.repeat(np.arange(N), L), packed.captions // each])
    at = np.concatenate([np.tile(np.arange(L), N), L + packed.captions % each * T + packed.places])
    padded = masks.left_to_right(L, T, each, np.float32)[0]
    return np.where(image[:, None] == image, padded[at[:, None], at], HIDDEN).astype(np.float32)[None]


def gradient(do, p, qkv, *rest):
    return caption_attention.attend_gradient(do, qkv, p, *rest)


@cases
@words_alone
def test_results_are_those_of_the_mask(rng, case, words_alone):
    arguments, do, mask = arrays_of(rng, case, words_alone)
    o, p = caption_attention.attend(*arguments)
    expected_o, expected_p = self_attention.attend(arguments[0][None], mask, 0.3)
    assert error(o, expected_o[0]) < 1e-6
    expected = self_attention.attend_gradient(do[None], arguments[0][None], expected_p, 0.3)[0]
    assert error(gradient(do, p, *arguments), expected) < 2e-6


@words_alone
def test_bits_are_equal_for_any_number_of_threads(monkeypatch, rng, words_alone):
    arguments, do, _ = arrays_of(rng, "scenes", words_alone)

    def results():
        o, p = caption_attention.attend(*arguments)
        return o, gradient(do, p, *arguments)

    monkeypatch.setattr(machine, "THREADS", 1)
    expected = results()
    monkeypatch.setattr(machine, "THREADS", 3)
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_cached_pool", lambda: pool)
    for _ in range(3):
        assert all(map(np.array_equal, results(), expected))


def test_what_is_hidden_changes_no_bit(rng):
    """Check a later word, and another caption of the image."""
    (qkv, *rest), _, _ = arrays_of(rng, "scenes", False)
    o, _ = caption_attention.attend(qkv, *rest)
    other = qkv.copy()
    later = 2 * 64 + 19 + 4  # of the second caption, which has seven words
    other[later] *= -3
    changed = (caption_attention.attend(other, *rest)[0] != o).any(axis=(1, 2))
    np.testing.assert_array_equal(np.flatnonzero(changed), [later, later + 1, later + 2])


def test_regions_alone(rng):
    """Check captions without any word: regions see the regions of their image."""
    qkv = rng.standard_normal((6, 3, 1, LANES)).astype(np.float32)
    o, _ = caption_attention.attend(qkv, np.zeros(3, int), 2, 0, 0.3)
    mask = self_attention.padded_mask(np.zeros((1, 3, 3), np.float32))
    expected, _ = self_attention.attend(qkv.reshape(2, 3, 3, 1, LANES), mask, 0.3)
    assert error(o, expected.reshape(o.shape)) < 1e-6


@pytest.mark.parametrize("starts", [[0, 6, 4], [-1, 2, 4], [0, -1, 4], [0, 2, 5]])
def test_starts_that_are_no_packing_are_refused(starts):
    qkv, words = np.zeros((8, 3, 1, LANES), np.float32), np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"starts|ends"):
        caption_attention.attend(qkv, np.array(starts, int), 2, 0, 0.3)
    with pytest.raises(ValueError, match=r"starts|ends"):
        token_shift.shift(words, np.ones(3, np.float32), np.array(starts, int))
