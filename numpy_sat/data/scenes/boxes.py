"""The boxes of a scene's objects as regions of an image, in place of the boxes that a detector finds.

The data set knows the boxes, so they are always right (oracle boxes).
"""

from collections.abc import Sequence

import numpy as np

from numpy_sat.data.scenes import scenes
from numpy_sat.data.scenes.scene_language import Box, Scene

MOST_OBJECTS = 4  # largest number of objects in a scene
REGIONS = MOST_OBJECTS + 1
NUMBERS = 5  # numbers after the annotation of a region: x0, y0, x1, y1 and area, as shares of the image
WHOLE = (0, 0, scenes.SIDE, scenes.SIDE)  # the box of the whole image


def box_vectors(a: np.ndarray, true_scenes: Sequence[Scene]) -> np.ndarray:
    """Compute the annotations of the boxes and of the whole image.

    A box has the mean annotation of the cells below it, followed by x0, y0, x1, y1 and area, as shares of the image.
    Images with fewer objects repeat the whole image, which changes no maximum over regions.

    Args:
        a: (N, L, D) annotations.
        true_scenes: N Scenes.
    Returns:
        (N, REGIONS, D + NUMBERS).
    """
    shares = np.stack([box_shares(scene, side=round(np.sqrt(a.shape[1]))) for scene in true_scenes])
    weights = shares.reshape(*shares.shape[:2], -1)
    pooled = (weights / weights.sum(axis=2, keepdims=True)) @ a
    boxes = np.array([_boxes(scene) for scene in true_scenes]) / scenes.SIDE
    area = np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1, keepdims=True)
    return np.concatenate([pooled, boxes, area], axis=-1).astype(a.dtype)


def box_shares(scene: Scene, R: int = REGIONS, side: int = 16) -> np.ndarray:
    """Return the share of each cell that each region covers: (R, side, side). Every scene has R = REGIONS regions."""
    return np.stack([scenes.cell_share([box], side, side) for box in _boxes(scene)])


def _boxes(scene: Scene) -> list[Box]:
    """Return the boxes of the regions: those of the objects, then the whole image until there are enough."""
    own = [scene_object.box for scene_object in scene.objects]
    return own + (REGIONS - len(own)) * [WHOLE]
