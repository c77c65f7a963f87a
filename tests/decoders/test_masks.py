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
