"""The regions of an image, to which words are aligned: the cells of the encoder's grid, or the objects' boxes.

Boxes are known for scenes only. They stand for the detected boxes of the paper, and are always right: oracle boxes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Scene

MOST_OBJECTS = 4  # of a scene
WHOLE = (0, 0, scenes.SIDE, scenes.SIDE)  # the box of the whole image


class Kind(NamedTuple):
    """A kind of regions. R is their number in an image."""

    vectors: Callable  # (a (N, L, D), N Scenes or None) -> (N, R, D') annotations of the regions
    right: Callable  # (Scene, indices of objects, R) -> (R,) bool, True for the regions that show one of the objects
    shares: Callable  # (Scene or None, R) -> (R, side, side) share of each cell of a grid that each region covers


def cell_vectors(a: np.ndarray, true_scenes: Sequence[Scene] | None) -> np.ndarray:
    """Return the annotations, because each location of the grid is a region. a: (N, L, D)."""
    return a


def cell_right(scene: Scene, objects: Sequence[int], R: int) -> np.ndarray:
    """Return which cells are covered by a box of the objects for at least one half: (R,) bool."""
    side = round(np.sqrt(R))
    return (scenes.cell_share([scene.objects[k].box for k in objects], side, side) >= 0.5).ravel()


def cell_shares(scene: Scene | None, R: int) -> np.ndarray:
    """Return the share of each cell that each region covers: (R, side, side), the unit matrix."""
    side = round(np.sqrt(R))
    return np.eye(R).reshape(R, side, side)


def box_vectors(a: np.ndarray, true_scenes: Sequence[Scene]) -> np.ndarray:
    """Compute the annotations of the boxes and of the whole image.

    A box has the mean annotation of the cells below it, followed by x0, y0, x1, y1 and area, as shares of the image.
    Images with fewer objects repeat the whole image, which changes no maximum over regions.

    Args:
        a: (N, L, D) annotations.
        true_scenes: N Scenes.
    Returns:
        (N, MOST_OBJECTS + 1, D + 5).
    """
    shares = np.stack([box_shares(scene, side=round(np.sqrt(a.shape[1]))) for scene in true_scenes])
    weights = shares.reshape(*shares.shape[:2], -1)
    pooled = (weights / weights.sum(axis=2, keepdims=True)) @ a
    boxes = np.array([_boxes(scene) for scene in true_scenes]) / scenes.SIDE
    area = np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1, keepdims=True)
    return np.concatenate([pooled, boxes, area], axis=-1).astype(a.dtype)


def box_right(scene: Scene, objects: Sequence[int], R: int) -> np.ndarray:
    """Return which regions are the objects' own boxes: (R,) bool."""
    return np.isin(np.arange(R), objects)


def box_shares(scene: Scene, R: int = MOST_OBJECTS + 1, side: int = 16) -> np.ndarray:
    """Return the share of each cell that each region covers: (R, side, side)."""
    return np.stack([scenes.cell_share([box], side, side) for box in _boxes(scene)])


def _boxes(scene):
    """Return the boxes of the regions: those of the objects, then the whole image until there are enough."""
    boxes = [scene_object.box for scene_object in scene.objects]
    return boxes + (MOST_OBJECTS + 1 - len(boxes)) * [WHOLE]


KINDS = {
    "cells": Kind(cell_vectors, cell_right, cell_shares),
    "boxes": Kind(box_vectors, box_right, box_shares),
}
