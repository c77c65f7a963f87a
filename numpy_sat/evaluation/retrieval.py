"""Measure retrieval: how often does a caption choose its own image among others?"""

from collections.abc import Callable, Sequence

import numpy as np

from numpy_sat.data.scenes.scene_language import Scene, judge

POOL = 100  # images among which a caption chooses


def measure(
    captions: Sequence[list[str]], scenes: Sequence[Scene | None], choose: Callable[[slice], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Let each caption choose one image of its pool.

    For scenes, every image of which the caption is true is right. Otherwise two equal captions would count as errors.

    Args:
        captions: N word lists; caption n belongs to image n.
        scenes: N Scenes, or None for images that are no scenes.
        choose: function, choose(rows) returns the choice of each caption of a pool, as a position in the pool. rows is
            the slice of the pool.
    Returns:
        right: (N,) float64, 1 for a caption that chooses a right image, else 0.
        chance: mean probability that an image chosen at random is right.
    """
    right, chance = [], []
    for first in range(0, len(captions), POOL):
        rows = slice(first, first + POOL)
        for n, choice in enumerate(choose(rows), first):
            is_right = [k == n or _is_true(captions[n], scene) for k, scene in enumerate(scenes[rows], first)]
            right.append(is_right[choice])
            chance.append(np.mean(is_right))
    return np.array(right, np.float64), float(np.mean(chance))


def _is_true(caption, scene):
    return scene is not None and judge(caption, scene).true
