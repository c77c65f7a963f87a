"""Measure how well images' vectors are reconstructed from captions, word by word."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scene_language
from numpy_sat.data.scenes.scene_language import Scene

POOL = 100  # images among which a reconstruction looks for its own
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
    found: float  # share of reconstructions that are nearest to a right image among POOL
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
    errors = ((V_tilde - V) ** 2).mean(axis=2) / V.var(axis=0).mean()  # (T, N), as shares of the variance
    last = errors[lengths, n].mean()
    falls = _falls(errors, captions, KINDS if true_scenes[0] else {})
    found, chance = _retrieval(V_tilde[lengths, n], V, captions, true_scenes)
    return Reconstruction(float(1 - errors[0].mean()), float(1 - last), falls, found, chance)


def _falls(errors, captions, kinds):
    """Return by how much the error falls at the words of each kind, {kind: mean}."""
    falls = {name: [] for name in (*kinds, OTHER)}
    for n, caption in enumerate(captions):
        for t, word in enumerate(caption):
            kind = next((name for name, words in kinds.items() if word in words), OTHER)
            falls[kind].append(errors[t, n] - errors[t + 1, n])
    return {name: float(np.mean(values)) for name, values in falls.items() if values}


def _retrieval(ends, V, captions, true_scenes):
    """Return how many reconstructions are nearest to a right image, and chance.

    An image of which the caption is true is right, too.
    """
    found, chance = [], []
    for first in range(0, len(V), POOL):
        pool = range(first, min(first + POOL, len(V)))
        for n in pool:
            nearest = ((V[pool.start : pool.stop] - ends[n]) ** 2).sum(axis=1).argmin()
            right = [k == n or _is_true(captions[n], true_scenes[k]) for k in pool]
            found.append(right[nearest])
            chance.append(np.mean(right))
    return float(np.mean(found)), float(np.mean(chance))


def _is_true(caption, scene):
    return scene is not None and scene_language.judge(caption, scene).true
