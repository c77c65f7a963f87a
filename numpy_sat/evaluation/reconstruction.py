"""Measure how well images' vectors are reconstructed from captions, word by word."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language
from numpy_sat.data.scenes.scene_language import Scene
from numpy_sat.evaluation import bootstrap, retrieval
from numpy_sat.evaluation.bootstrap import Share

KINDS = {  # {kind: words of scenes}; all other words are OTHER
    "colors": set(scene_language.COLORS),
    "shapes": set(scene_language.SHAPE_OF),
    "sizes": set(scene_language.SIZE_OF),
    "counts": set(scene_language.COUNT_OF) - {"a", "an"},
}
OTHER = "other words"
RIDGE = 0.1  # weight of the squared coefficients of the bag of words


class Reconstruction(NamedTuple):
    """How much of the variance of the images' vectors is explained."""

    start: Share  # before the first word
    end: Share  # after the last word
    bag: Share  # by a linear function of how often each word occurs, fitted to the captions of other images
    falls: dict  # {kind of word: Share of the variance that one such word adds, on average}
    retrieval: Share  # share of reconstructions that are nearest to a right image among retrieval.POOL
    chance: float  # the same for an image that is chosen at random
    reach: tuple[float, float] | None = None  # of the memory and of the language state, see memory_evaluation.reach


def measure(
    V: np.ndarray, V_tilde: np.ndarray, captions: Sequence[list[str]], true_scenes: Sequence[Scene | None]
) -> Reconstruction:
    """Compare reconstructions with the images' vectors.

    Args:
        V: (N, D) vectors of the images.
        V_tilde: (T, N, D) reconstructions; V_tilde[t] after the first t words of the caption.
        captions: N word lists, each of fewer than T words.
        true_scenes: N Scenes, or None for images that are no scenes.
    Returns:
        Reconstruction.
    """
    lengths, n = np.array([len(caption) for caption in captions]), np.arange(len(V))
    ends = V_tilde[lengths, n]
    counts = bootstrap.resample(len(V), seed=0)
    errors = _errors(V_tilde, V)
    bag_errors = _errors(_bag(V, captions), V)
    start, end, bag = (bootstrap.share(counts, 1 - error) for error in (errors[0], errors[lengths, n], bag_errors))
    falls = _falls(counts, errors, captions, KINDS if true_scenes[0] else {})
    right, chance = retrieval.measure(captions, true_scenes, lambda rows: _nearest(ends[rows], V[rows]))
    return Reconstruction(start, end, bag, falls, bootstrap.share(counts, right), chance)


def _errors(V_tilde, V):
    """Return the squared errors of reconstructions as shares of the variance of V, without their last axis."""
    return ((V_tilde - V) ** 2).mean(axis=-1) / V.var(axis=0).mean()


def _falls(counts, errors, captions, kinds):
    """Return by how much the error falls at the words of each kind, {kind: Share}."""
    sums = {name: np.zeros((2, len(captions))) for name in (*kinds, OTHER)}  # falls and words of each caption
    for n, caption in enumerate(captions):
        for t, word in enumerate(caption):
            kind = next((name for name, words in kinds.items() if word in words), OTHER)
            sums[kind][:, n] += errors[t, n] - errors[t + 1, n], 1
    return {name: bootstrap.share(counts, *values) for name, values in sums.items() if values[1].any()}


def _bag(V, captions):
    """Return reconstructions (N, D) from the bag of words of each caption: (X W)_n, with X_nw the count of the word w.

    W is a ridge regression on the images of the other half: on those with odd numbers for the even ones.
    """
    words = {word: k for k, word in enumerate(sorted(set().union(*captions)))}
    X = np.zeros((len(captions), len(words) + 1))
    X[:, -1] = 1  # a constant
    for n, caption in enumerate(captions):
        for word in caption:
            X[n, words[word]] += 1
    V_tilde = np.empty(V.shape)
    for first in (0, 1):
        half, other = slice(first, None, 2), slice(1 - first, None, 2)
        gram = X[other].T @ X[other] + RIDGE * np.eye(X.shape[1])
        V_tilde[half] = X[half] @ np.linalg.solve(gram, X[other].T @ V[other])
    return V_tilde


def _nearest(ends, V):
    """Return the row of V that is nearest to each reconstruction, (K,)."""
    return ((V - ends[:, None]) ** 2).sum(axis=2).argmin(axis=1)
