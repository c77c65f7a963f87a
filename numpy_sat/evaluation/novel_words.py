"""Judge whether captions name objects whose words no training caption said (after Hu et al. 2020, nocaps' F1)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation import bootstrap
from numpy_sat.evaluation.bootstrap import Share


class Novel(NamedTuple):
    """Shares, 0 to 1, with their 95 % intervals over images."""

    f1: Share  # F1 of naming the object: 2 hits / (2 hits + misses + inventions)
    named: Share  # share of images with the object whose caption names it
    invented: Share  # share of images without the object whose caption names it
    true_with: Share  # share of images with the object whose caption is true and complete
    true_without: Share  # share of images without the object whose caption is true and complete
    images_with: int  # number of images with the object
    images_without: int


def says_any(captions: Iterable[Sequence[str]], phrases: Sequence[str]) -> bool:
    """Return True if a caption says one of the phrases.

    Args:
        captions: word lists.
        phrases: words, or several words with spaces between them.
    """
    texts = [f" {' '.join(words)} " for words in captions]
    return any(f" {phrase} " in text for text in texts for phrase in phrases)


def judge(shows: np.ndarray, says: np.ndarray, is_true: np.ndarray, seed: int = 0) -> Novel:
    """Compare the images that show an object with the captions that name it.

    Args:
        shows: (N,) bool, True if the image shows the object.
        says: (N,) bool, True if the caption names it.
        is_true: (N,) bool, True if the caption is true and complete.
        seed: seed of the resampled images.
    """
    counts = bootstrap.resample(len(shows), seed)
    # F1 = 2 hits / (2 hits + misses + inventions) = 2 hits / (images that show it + captions that name it)
    hits, both = 2.0 * (shows & says), shows.astype(float) + says
    return Novel(
        bootstrap.share(counts, hits, both),
        bootstrap.share(counts, shows & says, shows),
        bootstrap.share(counts, ~shows & says, ~shows),
        bootstrap.share(counts, shows & is_true, shows),
        bootstrap.share(counts, ~shows & is_true, ~shows),
        int(shows.sum()),
        int((~shows).sum()),
    )
