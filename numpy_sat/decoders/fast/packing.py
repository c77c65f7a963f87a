"""Pack the words of a batch into one sequence without padding.

In a Batch, captions are columns that are padded to the longest one. The equations compute padding, too, and no loss
depends on it. The fused Transformer packs a batch into one sequence without padding: the L regions of every image, then
the words of all captions, one caption after the other. On scenes, a third of the padded words are padding.
"""

from typing import NamedTuple

import numpy as np


class Packing(NamedTuple):
    """The places of W words in the captions of a batch."""

    starts: np.ndarray  # (B + 1,) the number of words before each caption and after the last one
    captions: np.ndarray  # (W,) caption of each word, in ascending order
    places: np.ndarray  # (W,) place of each word in its caption, from 0

    def words_of(self, padded: np.ndarray) -> np.ndarray:
        """Return the words, (W, ...), of captions that are padded to T words, (T, B, ...)."""
        return padded[self.places, self.captions]

    def padded(self, words: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return captions, (T, B, ...), with zeros as padding, from their words, (W, ...). shape: (T, B)."""
        padded = np.zeros((*shape, *words.shape[1:]), words.dtype)
        padded[self.places, self.captions] = words
        return padded

    def sequence_of(self, x: np.ndarray, L: int) -> np.ndarray:
        """Return the packed sequence, (1, N L + W, S), of padded sequences: x (N, L + T B / N, S)."""
        N, _, S = x.shape
        words = x[:, L:].reshape(len(self.starts) - 1, -1, S)[self.captions, self.places]
        return np.concatenate([x[:, :L].reshape(N * L, S), words])[None]


def pack(shape: tuple[int, int], lengths: np.ndarray | None = None) -> Packing:
    """Return the Packing of a batch.

    Args:
        shape: (T, B).
        lengths: (B,) number of words of each caption; None if all have T.
    """
    T, B = shape
    lengths = np.full(B, T) if lengths is None else lengths
    starts = np.concatenate([[0], np.cumsum(lengths)])
    captions = np.repeat(np.arange(B), lengths)
    return Packing(starts, captions, np.arange(starts[-1]) - starts[captions])
