"""Define an encoder that reads the annotations of a trained run's encoder, computed beforehand and not trained.

The annotations are those of grid cells, or of the boxes of objects (data/scenes/boxes.py). With tags, two more numbers
follow each annotation (data/scenes/tags.py).
"""

from typing import NamedTuple

import numpy as np

from numpy_sat.data.scenes import tags as scene_tags
from numpy_sat.data.scenes.scene_language import COLORS

TAGGER = "tagger.W", "tagger.b"  # the parameters of the classifier of boxes, see training/tagger.py


class Sizes(NamedTuple):
    """The sizes that the functions of this module take."""

    D: int  # annotation size, without tags
    tag_words: tuple  # numbers of the words tags.WORDS in the vocabulary; () without tags
    is_predicted: bool  # True if the tags come from the classifier
    is_blind: bool  # True if the annotations are replaced by zeros, and only tags are left


def init_params(
    rng: np.random.Generator, sizes: Sizes, norm: bool = False, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Return zeros for the classifier, which is trained before the decoder; {} if tags are not predicted."""
    if not _predicts(sizes):
        return {}
    C = len(sizes.tag_words)
    return dict(zip(TAGGER, (np.zeros((sizes.D, C), dtype), np.zeros(C, dtype)), strict=True))


def encode_forward(params: dict[str, np.ndarray], annotations: np.ndarray, sizes: Sizes) -> tuple[np.ndarray, None]:
    """Encode in training. Arguments and results are those of `encode`, and no cache."""
    return encode(params, annotations, sizes), None


def encode_backward(da: np.ndarray, cache: None) -> dict[str, np.ndarray]:
    """Return {}: nothing is trained."""
    return {}


def encode(params: dict[str, np.ndarray], annotations: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Return the annotations for the decoder.

    Args:
        params: parameters by name.
        annotations: (N, L, D), or (N, L, D + WORDS_OF_TAG) with tags; float16 is read as float32.
        sizes: Sizes.
    Returns:
        a: array of the same shape.
    """
    a = annotations.astype(np.float32 if annotations.dtype == np.float16 else annotations.dtype)
    if _predicts(sizes):
        a[..., sizes.D :] = _predicted(params, *scene_tags.split(a), np.array(sizes.tag_words))
    if sizes.is_blind:
        a[..., : sizes.D] = 0
    return a


def size(sizes: Sizes) -> int:
    """Return D, the size of the annotation vectors, without tags."""
    return sizes.D


def _predicts(sizes):
    return sizes.is_predicted and bool(sizes.tag_words)


def _predicted(params, regions, tags, words):
    """Return the tags that the classifier gives to the regions of objects, as tags.split returns them."""
    W, b = (params[name] for name in TAGGER)
    logits = regions @ W + b
    colors, shapes = logits[..., : len(COLORS)], logits[..., len(COLORS) :]
    predicted = np.stack([colors.argmax(axis=-1), len(COLORS) + shapes.argmax(axis=-1)], axis=-1)
    return np.where(tags == scene_tags.NO_TAG, scene_tags.NO_TAG, words[predicted])
