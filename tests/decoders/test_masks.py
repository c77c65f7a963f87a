"""Test the masks of the Transformer."""

import numpy as np
import pytest

from numpy_sat.decoders import masks
from numpy_sat.layers.self_attention import HIDDEN

X, o = HIDDEN, 0


def test_two_regions_and_two_captions_of_two_words():
    expected = [
        [o, o, X, X, X, X],  # regions see regions
        [o, o, X, X, X, X],
        [o, o, o, X, X, X],  # the first caption
        [o, o, o, o, X, X],
        [o, o, X, X, o, X],  # the second caption
        [o, o, X, X, o, o],
    ]
    np.testing.assert_array_equal(masks.left_to_right(2, 2, 2), [expected])


@pytest.mark.parametrize("captions", [1, 3])
def test_without_words_all_regions_see_each_other(captions):
    np.testing.assert_array_equal(masks.left_to_right(4, 0, captions), np.zeros((1, 4, 4)))


def test_a_mask_is_made_once():
    mask = masks.left_to_right(3, 4, 2, np.float32)
    assert mask.dtype == np.float32 and not mask.flags.writeable
    assert masks.left_to_right(3, 4, 2, np.float32) is mask


def test_writing_all_words_of_two_captions_at_once():
    """Check one region and two captions of two words: word 1 of each, then [MASK] at the places 1 and 2 of each."""
    expected = [
        [o, X, X, X, X, X, X],  # the region
        [o, o, X, X, X, X, X],  # word 1 of the first caption
        [o, X, o, X, X, X, X],  # word 1 of the second caption
        [o, X, X, o, X, X, X],  # [MASK] at place 1 of the first caption sees the region alone
        [o, o, X, X, o, X, X],  # [MASK] at place 2 sees word 1
        [o, X, X, X, X, o, X],
        [o, X, o, X, X, X, o],
    ]
    np.testing.assert_array_equal(masks.writing(1, 2, 2), [expected])


def test_a_bidirectional_mask_hides_padding_alone():
    mask = masks.bidirectional(2, np.array([[1.0, 1, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0]]))
    np.testing.assert_array_equal(mask[0], 5 * [[o, o, o, o, X]])
    np.testing.assert_array_equal(mask[1], np.zeros((5, 5)))
    np.testing.assert_array_equal(mask[2], 5 * [[o, o, o, X, X]])
    np.testing.assert_array_equal(mask[3], mask[0])
