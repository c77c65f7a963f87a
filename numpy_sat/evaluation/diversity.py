"""The diversity of several captions of the same image (Shetty et al. 2017), and of all captions together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.evaluation.variety import repeats_content
from numpy_sat.metrics import bleu


class Diversity(NamedTuple):
    """The diversity of K captions of each of N images."""

    div1: np.ndarray  # (N,) distinct words of an image's captions / their number of words
    div2: np.ndarray  # (N,) distinct bigrams / number of words
    self_bleu: np.ndarray  # (N, 10) bleu.count of each caption against the image's others, summed
    novel: np.ndarray  # (N,) share of captions that equal no training caption
    repeats: np.ndarray  # (N,) share of captions that repeat a content word
    words: int  # different words in all captions


def measure(captions: Sequence[Sequence[list[str]]], train: Sequence[list[str]]) -> Diversity:
    """Compute the Diversity of captions.

    Args:
        captions: for each of N images, K word lists; K is at least 2.
        train: word lists, the captions of the training set.
    """
    known = set(map(tuple, train))
    return Diversity(
        div1=np.array([distinct(group, 1) for group in captions]),
        div2=np.array([distinct(group, 2) for group in captions]),
        self_bleu=np.array([_count_against_others(group) for group in captions]),
        novel=np.array([np.mean([tuple(words) not in known for words in group]) for group in captions]),
        repeats=np.array([np.mean([repeats_content(words) for words in group]) for group in captions]),
        words=len({word for group in captions for words in group for word in words}),
    )


def distinct(captions: Sequence[list[str]], n: int) -> float:
    """Return Div-n: the number of distinct n-grams in captions of an image, divided by their number of words."""
    ngrams = {tuple(words[k : k + n]) for words in captions for k in range(len(words) - n + 1)}
    return len(ngrams) / max(1, sum(map(len, captions)))


def _count_against_others(captions):
    """Return the sum of bleu.count of each caption, with the other captions as its references."""
    others = [[*captions[:k], *captions[k + 1 :]] for k in range(len(captions))]
    return bleu.count(captions, others).sum(axis=0)
