"""The variety of captions: words, lengths, repetitions, and copies from the training set."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.content_words import FUNCTION_WORDS, stem

# Function words with which a caption may end, as in "a dog with its leash on" or "a dog chases another".
GOOD_ENDINGS = frozenset(
    "it her other another one there on out off up down by behind around below above along over".split()
)
# A caption that ends in one of these was cut off. Of the training captions of Flickr8k, 0.1 % do.
BAD_ENDINGS = FUNCTION_WORDS - GOOD_ENDINGS


class Variety(NamedTuple):
    """Statistics of one caption per image. Shares are 0 to 1."""

    words: int  # number of different words in all captions
    captions: float  # share of different captions
    length: float  # mean number of words per caption
    shortest: int  # words
    longest: int  # words
    stutters: float  # share of captions with the same word twice in a row
    repeated: float  # share of words that occur earlier in their caption, "a" and "the" included
    content: float  # share of captions that repeat a content word, see repeats_content
    endings: float  # share of captions with a bad ending, see ends_badly
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
        content=float(np.mean([repeats_content(words) for words in captions])),
        endings=float(np.mean([ends_badly(words) for words in captions])),
        copied=float(np.mean([tuple(words) in train_captions for words in captions])),
    )


def repeats_content(words: Sequence[str]) -> bool:
    """Return True if two words of a caption have the same stem and are no FUNCTION_WORDS.

    Two examples are "a man in a hat is wearing a hat" and "kayaking in a kayak".
    """
    stems = [stem(word) for word in words if word not in FUNCTION_WORDS]
    return len(set(stems)) < len(stems)


def ends_badly(words: Sequence[str]) -> bool:
    """Return True if the last word of a caption is one of BAD_ENDINGS, as in "a man standing on a"."""
    return bool(words) and words[-1] in BAD_ENDINGS
