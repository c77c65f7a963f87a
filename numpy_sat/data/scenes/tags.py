"""The tags of scenes: two words for each object, its color and its shape, as a detector of objects names them.

    oracle      the true words
    noisy       a fifth of the colors and of the shapes are wrong
    shuffled    the true tags of another image
    predicted   the true tags here; encoders/frozen.py replaces them by what a classifier sees in the object's box

With plurals, objects with the same tag have the plural of the shape, the word that a caption says for several objects.

Each object has a tag. So tags also tell the number of objects, but never where an object is.

The decoder gets the tags as part of the annotations (`append`), and separates them (`split`): row k of an image's
annotations ends with the two words of tag k. A decoder that reads tags has the setting "tags" in its SETTINGS. With
tags, its annotations are (N, L, D + WORDS_OF_TAG). Its init_params always gets D.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from numpy_sat.data.scenes.boxes import MOST_OBJECTS
from numpy_sat.data.scenes.scene_language import COLORS, SHAPES, Scene
from numpy_sat.data.vocabulary import UNK

KINDS = ("none", "oracle", "noisy", "predicted", "shuffled")
WORDS = (*COLORS, *SHAPES)
PLURALS = tuple(f"{shape}s" for shape in SHAPES)
WORDS_OF_TAG = 2
NO_OBJECT = -1
NO_TAG = UNK  # the words in rows without a tag
ERROR_RATE = 0.2  # share of wrong words among the colors and among the shapes of noisy tags


def of_scenes(kind: str, names: Sequence[str], true_scenes: Sequence[Scene]) -> np.ndarray:
    """Return the tags of images. Those of object k are in row k.

    Args:
        kind: one of KINDS, but not none.
        names: N names of images, which determine the errors of noisy tags.
        true_scenes: N Scenes.
    Returns:
        (N, MOST_OBJECTS, WORDS_OF_TAG) indices in WORDS: a color and a shape, or twice NO_OBJECT.
    """
    tags = np.stack([_true_tags(scene) for scene in true_scenes])
    if kind == "noisy":
        return np.stack([_with_errors(own, zlib.crc32(name.encode())) for own, name in zip(tags, names, strict=True)])
    return np.roll(tags, 1, axis=0) if kind == "shuffled" else tags


def with_plurals(tags: np.ndarray) -> np.ndarray:
    """Return the tags with the plural of the shape where several objects of an image have the same tag.

    Args:
        tags: (N, MOST_OBJECTS, WORDS_OF_TAG) from of_scenes.
    Returns:
        Indices in words(True), of the same shape.
    """
    alike = (tags[:, :, None] == tags[:, None]).all(axis=-1).sum(axis=-1)
    is_plural = (alike > 1) & (tags[..., 0] != NO_OBJECT)
    return np.stack([tags[..., 0], tags[..., 1] + len(SHAPES) * is_plural], axis=-1)


def words(has_plurals: bool) -> tuple[str, ...]:
    """Return all words of tags."""
    return WORDS + PLURALS if has_plurals else WORDS


def append(annotations: np.ndarray, tags: np.ndarray, tag_words: Sequence[int]) -> np.ndarray:
    """Append the words of the tags to the annotations.

    Args:
        annotations: (N, L, D), where L is at least MOST_OBJECTS.
        tags: (N, MOST_OBJECTS, WORDS_OF_TAG) from of_scenes.
        tag_words: numbers of all words of tags in the vocabulary.
    Returns:
        (N, L, D + WORDS_OF_TAG). float16 holds whole numbers up to 2,048 exactly.
    """
    N, L, _ = annotations.shape
    words = np.full((N, L, WORDS_OF_TAG), NO_TAG, annotations.dtype)
    words[:, :MOST_OBJECTS] = np.where(tags == NO_OBJECT, NO_TAG, np.array(tag_words)[tags])
    return np.concatenate([annotations, words], axis=2)


def split(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Separate the annotations from the tags.

    Args:
        a: (N, L, D + WORDS_OF_TAG).
    Returns:
        regions: (N, L, D) annotations.
        tags: (N, L, WORDS_OF_TAG) integers: the words of a color and a shape, NO_TAG in rows without a tag.
    """
    return a[..., :-WORDS_OF_TAG], np.rint(a[..., -WORDS_OF_TAG:]).astype(int)


def _true_tags(scene):
    """Return the true tags of a scene."""
    tags = np.full((MOST_OBJECTS, WORDS_OF_TAG), NO_OBJECT)
    for k, scene_object in enumerate(scene.objects):
        group = scene.groups[scene_object.group]
        tags[k] = WORDS.index(group.color), WORDS.index(group.shape)
    return tags


def _with_errors(tags, seed):
    """Return tags in which a share ERROR_RATE of the words is wrong."""
    rng = np.random.default_rng(seed)
    sizes, starts = np.array([len(COLORS), len(SHAPES)]), np.array([0, len(COLORS)])
    others = starts + (tags - starts + rng.integers(1, sizes, tags.shape)) % sizes  # never the true word
    is_wrong = (tags != NO_OBJECT) & (rng.random(tags.shape) < ERROR_RATE)
    return np.where(is_wrong, others, tags)
