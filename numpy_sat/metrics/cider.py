"""CIDEr-D (Vedantam, Zitnick and Parikh 2015): n-gram similarity that gives rare n-grams more weight."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0  # words


class WeightedNgrams(NamedTuple):
    """The weighted n-grams of one text."""

    vectors: tuple[dict, ...]  # g for each order: n-gram -> count times idf
    norms: tuple[float, ...]  # |g| for each order
    words: int  # length of the text


def cider_d(captions: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Compute CIDEr-D of each image's caption.

    With g(k) = (count of n-gram k) * idf(k), for a caption c and a reference s:

        idf(k)   = log(N / max(1, number of images with a reference that contains k))
        sim_n    = exp(-(words of c - words of s)^2 / (2 sigma^2)) sum_k min(g_c(k), g_s(k)) g_s(k) / (|g_c| |g_s|)
        CIDEr-D  = 100 * 10 * mean of sim_n over n = 1..4 and the references

    As in COCO's scorer (Chen et al. 2015), g uses counts. The paper divides them by the number of n-grams of the
    text, which changes the minimum. COCO's scorer subtracts numbers of bigrams instead of words, with the same result.
    The idf comes from the given references, so with a single image every idf, and every score, is 0.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        (N,) float64 scores from 0 to 1000, which is 100 times COCO's 0 to 10.
    """
    counts = [[count_ngrams(reference) for reference in image_references] for image_references in references]
    idf = Idf(counts)
    scores = [
        score(idf.weigh(count_ngrams(caption)), [idf.weigh(reference_counts) for reference_counts in image_counts])
        for caption, image_counts in zip(captions, counts, strict=True)
    ]
    return 1000 * np.array(scores)


def score(caption: WeightedNgrams, references: Sequence[WeightedNgrams]) -> float:
    """Return the mean of sim_n over n and the references, from 0 to 1."""
    return sum(_similarity(caption, reference) for reference in references) / len(references)


def count_ngrams(words: Sequence[str]) -> Counter:
    """Count the n-grams (tuples) of a word list, for all of ORDERS."""
    from nltk.util import everygrams  # nltk takes 0.3 s, and a training begins without it

    return Counter(everygrams(words, max_len=ORDERS[-1]))


class Idf:
    """The inverse document frequency of n-grams. One document is all references of one image."""

    def __init__(self, counts: Sequence[Sequence[Counter]]):
        """Compute the idf of every n-gram in the references.

        Args:
            counts: for each image, `count_ngrams` of each of its references.
        """
        images_with = Counter(chain.from_iterable(set().union(*image_counts) for image_counts in counts))
        self._known = {ngram: math.log(len(counts) / images) for ngram, images in images_with.items()}
        self._unknown = math.log(len(counts))  # as if one image had the n-gram

    def value(self, ngram: tuple[str, ...]) -> float:
        """Return the idf of an n-gram."""
        return self._known.get(ngram, self._unknown)

    def weigh(self, counts: Counter) -> WeightedNgrams:
        """Multiply the n-gram counts of a text, from `count_ngrams`, by their idf."""
        vectors = tuple({} for _ in ORDERS)
        for ngram, count in counts.items():
            vectors[len(ngram) - 1][ngram] = count * self.value(ngram)
        norms = tuple(math.hypot(*vector.values()) for vector in vectors)
        return WeightedNgrams(vectors, norms, sum(count for ngram, count in counts.items() if len(ngram) == 1))


def _similarity(caption: WeightedNgrams, reference: WeightedNgrams) -> float:
    """Return the mean of sim_n over n. sim_n is 0 if all n-grams of one of the texts have weight 0."""
    total = 0.0
    for g_c, g_s, norm_c, norm_s in zip(
        caption.vectors, reference.vectors, caption.norms, reference.norms, strict=True
    ):
        if norm_c and norm_s:
            total += sum(min(g, g_s[k]) * g_s[k] for k, g in g_c.items() if k in g_s) / (norm_c * norm_s)
    return total / len(ORDERS) * length_penalty(caption.words - reference.words)


def length_penalty(difference: int | np.ndarray) -> float | np.ndarray:
    """Return exp(-difference^2 / (2 sigma^2)) for a difference in words, a number or an array."""
    return np.exp(-np.square(difference) / (2 * SIGMA**2))
