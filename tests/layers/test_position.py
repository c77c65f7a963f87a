"""Test the sinusoids that say where a position is."""

import math

import numpy as np
import pytest

from numpy_sat.layers import position


def test_the_definition():
    table = position.sinusoids(9, 5)
    for p, i in np.ndindex(9, 5):
        angle = p / 10000 ** (2 * (i // 2) / 5)
        assert table[p, i] == pytest.approx(math.cos(angle) if i % 2 else math.sin(angle), abs=1e-15)


def test_a_product_depends_on_the_distance_alone():
    table = position.sinusoids(20, 16)
    products = table @ table.T
    for distance in range(5):
        np.testing.assert_allclose(np.diagonal(products, distance), products[0, distance], rtol=0, atol=1e-12)
    assert products[0, 0] == pytest.approx(8)


def test_a_longer_table_begins_alike():
    table = position.sinusoids(4, 6, np.float32)
    assert table.dtype == np.float32 and not table.flags.writeable
    np.testing.assert_array_equal(position.sinusoids(7, 6, np.float32)[:4], table)
