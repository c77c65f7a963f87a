"""How varied captions are, and whether they were written or only remembered."""

from typing import NamedTuple

import numpy as np


class Variety(NamedTuple):
    """Of one caption an image. Shares are 0 to 1."""

    words: int  # different words, in all captions together
    captions: float  # different captions, as a share of all
    length: float  # words a caption, their mean
    shortest: int
    longest: int
    stutters: float  # captions in which a word follows upon itself
    repeated: float  # words that their caption has had before, "a" and "the" among them
    copied: float  # captions that are, word for word, one of train's


def variety(captions, train):
    """Compute the Variety of captions. captions: word lists, at least one; train: word lists of train's captions."""
    known = set(map(tuple, train))
    lengths = [len(words) for words in captions]
    again = sum(len(words) - len(set(words)) for words in captions)
    return Variety(
        words=len({word for words in captions for word in words}),
        captions=len(set(map(tuple, captions))) / len(captions),
        length=float(np.mean(lengths)),
        shortest=min(lengths),
        longest=max(lengths),
        stutters=float(np.mean([any(map(str.__eq__, words, words[1:])) for words in captions])),
        repeated=again / max(1, sum(lengths)),
        copied=float(np.mean([tuple(words) in known for words in captions])),
    )
