"""Measure how well images' vectors are reconstructed from captions, word by word."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language
from numpy_sat.data.scenes.scene_language import Scene
from numpy_sat.evaluation import retrieval

KINDS = {  # {kind: words of scenes}; all other words are OTHER
    "colors": set(scene_language.COLORS),
    "shapes": set(scene_language.SHAPE_OF),
    "sizes": set(scene_language.SIZE_OF),
    "counts": set(scene_language.COUNT_OF) - {"a", "an"},
}
OTHER = "other words"


class Reconstruction(NamedTuple):
    """How much of the variance of the images' vectors is explained. Shares are from 0 to 1; a bad one is below 0."""

    start: float  # before the first word
    end: float  # after the last word
    falls: dict  # {kind of word: share of the variance that one such word adds, on average}
    retrieval: float  # share of reconstructions that are nearest to a right image among retrieval.POOL
    chance: float  # the same for an image that is chosen at random


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
    errors = ((V_tilde - V) ** 2).mean(axis=2) / V.var(axis=0).mean()  # (T, N), as shares of the variance
    falls = _falls(errors, captions, KINDS if true_scenes[0] else {})
    share, chance = retrieval.measure(captions, true_scenes, lambda rows: _nearest(ends[rows], V[rows]))
    start, end = (float(1 - error.mean()) for error in (errors[0], errors[lengths, n]))
    return Reconstruction(start, end, falls, share, chance)


def _falls(errors, captions, kinds):
    """Return by how much the error falls at the words of each kind, {kind: mean}."""
    falls = {name: [] for name in (*kinds, OTHER)}
    for n, caption in enumerate(captions):
        for t, word in enumerate(caption):
            kind = next((name for name, words in kinds.items() if word in words), OTHER)
            falls[kind].append(errors[t, n] - errors[t + 1, n])
    return {name: float(np.mean(values)) for name, values in falls.items() if values}


def _nearest(ends, V):
    """Return the row of V that is nearest to each reconstruction, (K,)."""
    return ((V - ends[:, None]) ** 2).sum(axis=2).argmin(axis=1)
