"""The captions as one sequence of word numbers, and the pairs of words that stand near each other."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import END, START, Vocabulary

WINDOW = 3  # largest distance of two words that are near each other


class Corpus(NamedTuple):
    """All captions, one after the other, with <start> before and <end> after each of them."""

    words: np.ndarray  # (W,) word numbers
    captions: np.ndarray  # (W,) number of each word's caption
    counts: np.ndarray  # (V,) how often each word occurs

    @classmethod
    def build(cls, captions: Iterable[list[str]], vocabulary: Vocabulary) -> "Corpus":
        """Return the Corpus of captions, which are word lists."""
        encoded = [[START, *vocabulary.encode(caption), END] for caption in captions]
        words = np.array([word for caption in encoded for word in caption], np.int64)
        numbers = np.repeat(np.arange(len(encoded)), [len(caption) for caption in encoded])
        return cls(words, numbers, np.bincount(words, minlength=len(vocabulary)))

    def pairs(self, distance: int) -> np.ndarray:
        """Return the positions p for which p and p + distance belong to the same caption."""
        return np.flatnonzero(self.captions[:-distance] == self.captions[distance:])
