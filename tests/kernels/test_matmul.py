"""Check matrix products against their definition in float64."""

import numpy as np
import pytest
from float32 import error, single

from numpy_sat.kernels import matmul

PRODUCTS = [(1, 1, 1), (5, 7, 3), (6, 16, 64), (200, 300, 70), (13, 600, 129), (300, 100, 270), (3, 0, 5), (0, 4, 5)]


@pytest.mark.parametrize(("M", "K", "O"), PRODUCTS)
def test_matrix_products(rng, M, K, O):
    x, W, b, y = single(*(rng.standard_normal(shape) for shape in ((M, K), (K, O), O, (M, O))))
    expected = x.astype(np.float64) @ W
    for layout in (W, np.asfortranarray(W)):
        packed = matmul.pack(layout, bias=b)
        np.testing.assert_allclose(matmul.multiply(x, packed), expected + b, rtol=0, atol=1e-6 * (1 + K))
        total = y.copy()
        assert matmul.multiply(x, packed, total) is total
        np.testing.assert_allclose(total, expected + y, rtol=0, atol=1e-6 * (1 + K))
        for base in (y, np.stack([y, y], axis=1)[:, 1]):
            total = matmul.multiply(x, packed, base=base)
            np.testing.assert_allclose(total, expected + b + y, rtol=0, atol=1e-6 * (1 + K))
    np.testing.assert_allclose(
        matmul.multiply_transposed(x, y), x.T.astype(np.float64) @ y, rtol=0, atol=1e-6 * (1 + M)
    )


def test_a_product_is_not_added_to_a_copy(rng):
    x, W = single(rng.standard_normal((3, 4)), rng.standard_normal((4, 5)))
    with pytest.raises(ValueError, match="contiguous"):
        matmul.multiply(x, matmul.pack(W), np.zeros((3, 9), np.float32)[:, :5])


def test_products_of_sequences(rng):
    x, d = single(rng.standard_normal((4, 5, 6)), rng.standard_normal((4, 5, 7)))
    expected = np.tensordot(x.astype(np.float64), d, axes=((0, 1), (0, 1)))
    assert error(matmul.multiply_transposed(x, d), expected) < 1e-6


@pytest.mark.parametrize(("K", "I", "O"), [(1000, 50, 850), (1000, 400, 300), (300, 40, 850)])
def test_large_weight_gradients(rng, K, I, O):
    """Check x that is packed for all tasks at once, by each task, and with too few terms to share the packing."""
    x, d = single(rng.standard_normal((K, I)), rng.standard_normal((K, O)))
    assert error(matmul.multiply_transposed(x, d), x.T.astype(np.float64) @ d) < 1e-6


@pytest.mark.parametrize("cache", [1 << 16, 1 << 22])
def test_tasks_of_several_panels(rng, monkeypatch, cache):
    """Check that the number of panels of a task, which the cache decides, changes no bit."""
    x, W = single(rng.standard_normal((500, 130)), rng.standard_normal((130, 700)))
    packed = matmul.pack(W)
    expected = matmul.multiply(x, packed)
    monkeypatch.setattr(matmul.machine, "cache_size", lambda: cache)
    np.testing.assert_array_equal(matmul.multiply(x, packed), expected)
    assert error(expected, x.astype(np.float64) @ W) < 1e-6


def test_a_product_has_a_base_or_is_added(rng):
    x, W, y = single(rng.standard_normal((3, 4)), rng.standard_normal((4, 5)), np.zeros((3, 5)))
    with pytest.raises(ValueError, match="base"):
        matmul.multiply(x, matmul.pack(W), y, base=y)
