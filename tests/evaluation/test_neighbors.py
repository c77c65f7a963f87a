"""Test cosines, neighbors and principal axes of an embedding against their definitions."""

import itertools

import numpy as np
import pytest

from numpy_sat.evaluation import neighbors
from numpy_sat.layers import embedding

V, M = 9, 4

CORPUS = ["I live in Rome", "I live in Paris", "I live in Italy", "I live in France"]  # of the course's slides

SLIDES = ["I", "live", "in", "Rome", "Paris", "Italy", "France"]

PLANE = np.array([[0, 2], [0, -1], [-1, 0], [4, 3], [8, 6], [3, 4], [6, 8]], float)  # of exercise 24


def test_one_hot_vectors_are_at_right_angles():
    """Check the seven words of the slides. Rows of an embedding can have other angles."""
    corpus_words = dict.fromkeys(word for sentence in CORPUS for word in sentence.split())
    assert list(corpus_words) == SLIDES
    vectors = embedding.one_hot(np.arange(7), 7)
    assert vectors.shape == (7, 7)
    for word in range(7):
        np.testing.assert_array_equal(neighbors.cosine_similarity(vectors, vectors[word]), vectors[word])
        near, cosines = neighbors.nearest(vectors, word, 6)
        assert near.tolist() == [other for other in range(7) if other != word] and not cosines.any()
    np.testing.assert_array_equal(vectors @ PLANE, PLANE)
    np.testing.assert_allclose(neighbors.cosine_similarity(PLANE, PLANE[3]), [0.6, -0.6, -0.8, 1, 1, 0.96, 0.96])


def test_cosines_by_their_definition(rng):
    E, query = rng.standard_normal((V, M)), rng.standard_normal(M)
    cosines = neighbors.cosine_similarity(E, query)
    for v in range(V):
        dot = sum(E[v, m] * query[m] for m in range(M))
        lengths = sum(e**2 for e in E[v]) ** 0.5 * sum(q**2 for q in query) ** 0.5
        assert cosines[v] == pytest.approx(dot / lengths, rel=1e-13)


def test_cosines_depend_on_directions_only(rng):
    E, query = rng.standard_normal((V, M)), rng.standard_normal(M)
    sizes = 10 ** rng.uniform(-6, 6, (V, 1))
    expected = neighbors.cosine_similarity(E, query)
    np.testing.assert_allclose(neighbors.cosine_similarity(E * sizes, 1e-5 * query), expected, rtol=1e-12)
    np.testing.assert_allclose(neighbors.cosine_similarity(-E, query), -expected, rtol=1e-12)
    np.testing.assert_allclose(neighbors.cosine_similarity(np.outer(sizes, query), query), 1, rtol=1e-12)


def test_a_zero_vector_has_no_direction(rng):
    E = rng.standard_normal((V, M))
    E[2] = 0
    with np.errstate(all="raise"):
        cosines = neighbors.cosine_similarity(E, E[0])
        assert cosines[2] == 0 and np.abs(np.delete(cosines, 2)).min() > 0
        assert not neighbors.cosine_similarity(E, E[2]).any()
        assert neighbors.nearest(E, 2, V)[0].tolist() == [0, 1, *range(3, V)]


def test_nearest_of_the_slides():
    """Check Italy and France, which have the same direction: of equal cosines the smaller number comes first."""
    near, cosines = neighbors.nearest(PLANE, 3, 3)
    assert near.tolist() == [4, 5, 6]
    np.testing.assert_allclose(cosines, [1, 0.96, 0.96], rtol=1e-15)
    assert neighbors.nearest(PLANE, 5, 4)[0].tolist() == [6, 3, 4, 0]
    assert neighbors.nearest(PLANE, 2, 6)[0].tolist() == [0, 1, 5, 6, 3, 4]


@pytest.mark.parametrize("k", [0, 1, 5, V - 1, V, 100])
def test_nearest_against_sorting_by_hand(rng, k):
    E = rng.standard_normal((V, M)) * rng.uniform(0.1, 9, (V, 1))
    for word in range(V):
        all_cosines = neighbors.cosine_similarity(E, E[word])
        pairs = sorted((-all_cosines[other], other) for other in range(V) if other != word)[:k]
        near, cosines = neighbors.nearest(E, word, k)
        assert near.tolist() == [other for _, other in pairs] and np.issubdtype(near.dtype, np.integer)
        np.testing.assert_array_equal(cosines, [-cosine for cosine, _ in pairs])


def test_a_word_is_not_its_own_neighbor(rng):
    """Check vectors with the same direction before and after the word in the vocabulary. They are neighbors."""
    E = rng.standard_normal((V, M))
    E[1], E[7] = 4 * E[5], 0.5 * E[5]
    near, cosines = neighbors.nearest(E, 5, 3)
    assert sorted(near[:2]) == [1, 7] and 5 not in near
    np.testing.assert_allclose(cosines[:2], 1, rtol=1e-15)
    assert cosines[2] < 0.999


@pytest.mark.parametrize("word", [-1, V, -V, 1000])
def test_nearest_of_a_wrong_word(rng, word):
    with pytest.raises(IndexError, match=r"must be in 0\.\.8"):
        neighbors.nearest(rng.standard_normal((V, M)), word, 1)


def test_points_on_a_line():
    """Check values by hand: the mean is [5, 4], the direction [4, 3] / 5, and the points lie 5 apart."""
    E = np.array([[1, 1], [5, 4], [9, 7]], float)
    axes, shares = neighbors.principal_axes(E, 2)
    np.testing.assert_allclose(axes, [[0.8, 0.6], [-0.6, 0.8]], rtol=1e-14)
    np.testing.assert_allclose(shares, [1, 0], atol=1e-15)
    np.testing.assert_allclose(neighbors.project(E, axes), [[-5, 0], [0, 0], [5, 0]], atol=1e-14)


def test_a_cross():
    """Check values by hand: points 4 apart along one axis and 2 along another have the squares 8 and 2."""
    E = np.array([[7, 10, 9], [7, 6, 9], [6, 8, 9], [8, 8, 9]], float)
    axes, shares = neighbors.principal_axes(E, 3)
    np.testing.assert_allclose(axes, [[0, 1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_allclose(shares, [0.8, 0.2, 0], atol=1e-15)
    np.testing.assert_allclose(neighbors.project(E, axes[:2]), [[2, 0], [-2, 0], [0, -1], [0, 1]], atol=1e-14)


@pytest.mark.parametrize("shape", [(V, M), (M, V), (5, 5), (2, 6), (1, 3), (6, 1)])
def test_axes_are_at_right_angles_with_fixed_signs(rng, shape):
    E = rng.standard_normal(shape) + 3
    k = min(shape)
    axes, shares = neighbors.principal_axes(E, k)
    assert axes.shape == (k, shape[1]) and shares.shape == (k,) and axes.flags.c_contiguous
    np.testing.assert_allclose(axes @ axes.T, np.eye(k), atol=1e-13)
    assert (axes[np.arange(k), np.abs(axes).argmax(axis=1)] > 0).all()
    assert shares.sum() == pytest.approx(1 if shape[0] > 1 else 0) and (np.diff(shares) <= 0).all()
    first_axes, first_shares = neighbors.principal_axes(E, max(1, k - 1))
    np.testing.assert_array_equal(first_axes, axes[: len(first_axes)])
    np.testing.assert_array_equal(first_shares, shares[: len(first_shares)])


def test_axes_do_not_depend_on_mean_order_or_scale(rng):
    """Check twelve sets of vectors, so that signs are not right by chance."""
    for _ in range(12):
        E = rng.standard_normal((V, M)) * [5, 3, 2, 1]
        axes, shares = neighbors.principal_axes(E, 2)
        for changed in (E + 10, 0.01 * E, -E, E[rng.permutation(V)], np.concatenate([E, E])):
            changed_axes, changed_shares = neighbors.principal_axes(changed, 2)
            np.testing.assert_allclose(changed_axes, axes, atol=1e-12)
            np.testing.assert_allclose(changed_shares, shares, rtol=1e-12)


def test_shares_are_of_squared_distances(rng):
    E = rng.standard_normal((V, M)) + 5
    axes, shares = neighbors.principal_axes(E, 2)
    x = neighbors.project(E, axes)
    distances = sum(np.sum((row - E.mean(axis=0)) ** 2) for row in E)
    np.testing.assert_allclose(shares, (x**2).sum(axis=0) / distances, rtol=1e-12)
    np.testing.assert_allclose(x.sum(axis=0), 0, atol=1e-12)


def test_no_direction_has_a_larger_variance(rng):
    """Check by brute force over all directions in steps of one degree."""
    E = rng.standard_normal((V, 2)) * [3, 1] @ [[0.8, 0.6], [-0.6, 0.8]] + 4
    angles = np.deg2rad(np.arange(180))
    squares = ((E - E.mean(axis=0)) @ [np.cos(angles), np.sin(angles)]) ** 2
    best = angles[squares.sum(axis=0).argmax()]
    axes, shares = neighbors.principal_axes(E, 2)
    assert abs(axes[0] @ [np.cos(best), np.sin(best)]) > np.cos(np.deg2rad(1))
    largest = shares[0] * squares[:, [0, 90]].sum()
    assert largest >= squares.sum(axis=0).max() and largest == pytest.approx(squares.sum(axis=0).max(), rel=1e-3)


def test_no_plane_is_nearer(rng):
    """Check the squared distances from the plane against random planes through the mean, and against close ones."""
    E = rng.standard_normal((V, M)) * [4, 3, 2, 1] + 2
    axes, _ = neighbors.principal_axes(E, 2)

    def loss(axes):
        return np.sum((E - E.mean(axis=0) - neighbors.project(E, axes) @ axes) ** 2)

    least = np.linalg.svd(E - E.mean(axis=0), compute_uv=False)[2:]
    assert loss(axes) == pytest.approx(np.sum(least**2), rel=1e-12)
    planes = [rng.standard_normal((2, M)) for _ in range(300)]
    planes += [axes + 0.05 * rng.standard_normal((2, M)) for _ in range(100)]
    assert all(loss(np.linalg.qr(plane.T)[0].T) > loss(axes) for plane in planes)


def test_equal_vectors_have_no_variance():
    with np.errstate(all="raise"):
        axes, shares = neighbors.principal_axes(np.full((4, 3), 2.0), 2)
    assert np.isfinite(axes).all() and shares.tolist() == [0, 0]


@pytest.mark.parametrize(("shape", "k"), [((5, 3), 0), ((5, 3), 4), ((2, 3), 3), ((5, 3), -1)])
def test_a_wrong_number_of_axes(rng, shape, k):
    with pytest.raises(ValueError, match=rf"must be in 1\.\.{min(shape)} for E"):
        neighbors.principal_axes(rng.standard_normal(shape), k)


def test_coordinates_along_any_axes(rng):
    E, axes = rng.standard_normal((V, M)) + 1, rng.standard_normal((3, M))
    mean = sum(E) / V
    x = neighbors.project(E, axes)
    assert x.shape == (V, 3)
    for v, j in itertools.product(range(V), range(3)):
        assert x[v, j] == pytest.approx(sum((E[v, m] - mean[m]) * axes[j, m] for m in range(M)), rel=1e-12)


def test_dtype_and_inputs(rng):
    """Check that float32 vectors, as in training, give float32 results and stay unchanged."""
    E = rng.standard_normal((V, M))
    single, before = E.astype(np.float32), E.astype(np.float32)
    cosines, (near, near_cosines) = neighbors.cosine_similarity(single, single[0]), neighbors.nearest(single, 0, 3)
    axes, shares = neighbors.principal_axes(single, 2)
    x = neighbors.project(single, axes)
    for result in (cosines, near_cosines, axes, shares, x):
        assert result.dtype == np.float32
    np.testing.assert_array_equal(single, before)
    np.testing.assert_array_equal(near, neighbors.nearest(E, 0, 3)[0])
    np.testing.assert_allclose(axes, neighbors.principal_axes(E, 2)[0], atol=1e-5)
    np.testing.assert_allclose(x, neighbors.project(E, axes.astype(float)), atol=1e-5)


def test_analogies():
    """Check France = Italy - Rome + Paris in the plane, without the three words, and ties in order."""
    E = np.array([[1.0, 0], [1, 1], [3, 0], [3, 1], [-1, -2], [3, 1]])  # E_1 - E_0 + E_2 = E_3 = E_5
    words, cosines = neighbors.analogy(E, 0, 1, 2, 2)
    assert words.tolist() == [3, 5]
    np.testing.assert_allclose(cosines, 1)
    assert neighbors.analogy(E, 1, 0, 3, 9)[0].tolist() == [2, 5, 4]  # E_0 - E_1 + E_3 = E_2


def test_analogies_by_their_definition(rng):
    E = rng.standard_normal((6, M))
    for a, b, c in itertools.product(range(6), repeat=3):
        cosines = neighbors.cosine_similarity(E, E[b] - E[a] + E[c])
        expected = sorted({0, 1, 2, 3, 4, 5} - {a, b, c}, key=lambda word: -cosines[word])
        words, nearest_cosines = neighbors.analogy(E, a, b, c, 6)
        assert words.tolist() == expected
        np.testing.assert_array_equal(nearest_cosines, cosines[expected])
