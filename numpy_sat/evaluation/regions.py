"""The regions of an image, to which words are aligned: the cells of the encoder's grid, or the objects' boxes.

Boxes are known for scenes only, see data/scenes/boxes.py.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import boxes, scenes
from numpy_sat.data.scenes.scene_language import Scene


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


def box_right(scene: Scene, objects: Sequence[int], R: int) -> np.ndarray:
    """Return which regions are the objects' own boxes: (R,) bool."""
    return np.isin(np.arange(R), objects)


KINDS = {
    "cells": Kind(cell_vectors, cell_right, cell_shares),
    "boxes": Kind(boxes.box_vectors, box_right, boxes.box_shares),
}
