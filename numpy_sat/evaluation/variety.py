"""The variety of captions: words, lengths, repetitions, and copies from the training set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Variety(NamedTuple):
    """Statistics of one caption per image. Shares are 0 to 1."""

    words: int  # number of different words in all captions
    captions: float  # share of different captions
    length: float  # mean number of words per caption
    shortest: int  # words
    longest: int  # words
    stutters: float  # share of captions with the same word twice in a row
    repeated: float  # share of words that occur earlier in their caption, "a" and "the" included
    copied: float  # share of captions that equal a training caption


def variety(captions: Sequence[list[str]], train: Sequence[list[str]]) -> Variety:
    """Compute the Variety of captions.

    Args:
        captions: word lists, at least one.
        train: word lists, the captions of the training set.
    """
    train_captions = set(map(tuple, train))
    lengths = [len(words) for words in captions]
    repetitions = sum(len(words) - len(set(words)) for words in captions)
    return Variety(
        words=len({word for words in captions for word in words}),
        captions=len(set(map(tuple, captions))) / len(captions),
        length=float(np.mean(lengths)),
        shortest=min(lengths),
        longest=max(lengths),
        stutters=float(np.mean([any(map(str.__eq__, words, words[1:])) for words in captions])),
        repeated=repetitions / max(1, sum(lengths)),
        copied=float(np.mean([tuple(words) in train_captions for words in captions])),
    )
