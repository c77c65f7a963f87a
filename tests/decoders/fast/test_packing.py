"""Test the packed sequence of a batch: where its words stand."""

import numpy as np

from numpy_sat.decoders.fast import packing


def test_words_of_three_captions():
    packed = packing.pack((4, 3), np.array([2, 0, 3]))
    np.testing.assert_array_equal(packed.starts, [0, 2, 2, 5])
    np.testing.assert_array_equal(packed.captions, [0, 0, 2, 2, 2])
    np.testing.assert_array_equal(packed.places, [0, 1, 0, 1, 2])
    padded = np.arange(12).reshape(4, 3)
    np.testing.assert_array_equal(packed.words_of(padded), [0, 3, 2, 5, 8])
    expected = [[0, 0, 2], [3, 0, 5], [0, 0, 8], [0, 0, 0]]
    np.testing.assert_array_equal(packed.padded(packed.words_of(padded), (4, 3)), expected)


def test_without_lengths_no_word_is_padding(rng):
    packed, x = packing.pack((4, 6)), rng.standard_normal((4, 6, 2))
    np.testing.assert_array_equal(packed.words_of(x), x.swapaxes(0, 1).reshape(24, 2))
    np.testing.assert_array_equal(packed.padded(packed.words_of(x), (4, 6)), x)


def test_the_sequence_of_padded_sequences(rng):
    """Check two images with two regions and two captions each."""
    x, packed = rng.standard_normal((2, 2 + 2 * 3, 5)), packing.pack((3, 4), np.array([3, 1, 1, 2]))
    expected = np.concatenate([x[0, :2], x[1, :2], x[0, 2:5], x[0, 5:6], x[1, 2:3], x[1, 5:7]])
    np.testing.assert_array_equal(packed.sequence_of(x, 2), expected[None])
    np.testing.assert_array_equal(packed.sequence_of(x[:, 2:], 0), expected[None, 4:])
