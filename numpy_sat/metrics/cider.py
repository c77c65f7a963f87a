"""CIDEr-D (Vedantam, Zitnick and Parikh 2015): n-grams that few images have count more than those that most have."""

import math
from collections import Counter
from itertools import chain
from typing import NamedTuple

import numpy as np
from nltk.util import everygrams

ORDERS = (1, 2, 3, 4)
SIGMA = 6.0  # words


class WeightedNgrams(NamedTuple):
    """One text as CIDEr-D sees it."""

    vectors: tuple[dict, ...]  # of each order, g: n-gram -> times it occurs, by its idf
    norms: tuple[float, ...]  # |g| of each order
    words: int


def cider_d(captions, references):
    """CIDEr-D of each image's caption, 0 to 1000 (COCO's 0 to 10, times 100), float64 (N,).

    captions: N word lists; references: of each image, a list of word lists. With g(k) = (times n-gram k occurs) times
    idf(k), of caption c and reference s, each of so many words:

        idf(k)   = log(N / max(1, images of whose references one has k))
        sim_n    = exp(-(c's words - s's words)^2 / (2 sigma^2)) sum_k min(g_c(k), g_s(k)) g_s(k) / (|g_c| |g_s|)
        CIDEr-D  = 100 * 10 * mean of sim_n over n = 1..4 and the references

    As in COCO's scorer (Chen et al. 2015) g holds counts; the paper divides them by the text's n-grams, which matters
    where the minimum is taken. That scorer subtracts the numbers of bigrams, one less than the words and so the same.
    The references judged give the idf: with one image every idf, and every score, is 0.
    """
    said = [[count_ngrams(reference) for reference in of_image] for of_image in references]
    idf = Idf(said)
    weighed = ([idf.weigh(counts) for counts in of_image] for of_image in said)
    scores = [score(idf.weigh(count_ngrams(words)), of_one) for words, of_one in zip(captions, weighed, strict=True)]
    return 1000 * np.array(scores)


def score(caption, references):
    """The mean of sim_n over n and the references, 0 to 1. caption: WeightedNgrams; references: some WeightedNgrams."""
    return sum(_similarity(caption, reference) for reference in references) / len(references)


def count_ngrams(words):
    """How often a word list has each n-gram of the orders, a Counter of tuples."""
    return Counter(everygrams(words, max_len=ORDERS[-1]))


class Idf:
    """What an n-gram weighs, by the references of all images."""

    def __init__(self, said):
        """said: of each image, its references' count_ngrams."""
        images_with = Counter(chain.from_iterable(set().union(*of_image) for of_image in said))
        self._known = {ngram: math.log(len(said) / images) for ngram, images in images_with.items()}
        self._unknown = math.log(len(said))  # as if one image's had it

    def value(self, ngram):
        """The idf of an n-gram."""
        return self._known.get(ngram, self._unknown)

    def weigh(self, counts):
        """count_ngrams of a text to WeightedNgrams."""
        vectors = tuple({} for _ in ORDERS)
        for ngram, times in counts.items():
            vectors[len(ngram) - 1][ngram] = times * self.value(ngram)
        norms = tuple(math.hypot(*vector.values()) for vector in vectors)
        return WeightedNgrams(vectors, norms, sum(times for ngram, times in counts.items() if len(ngram) == 1))


def _similarity(caption, reference):
    """The mean of sim_n over n; of an order in which caption or reference has nothing that weighs, sim_n is 0."""
    total = 0.0
    for g_c, g_s, norm_c, norm_s in zip(
        caption.vectors, reference.vectors, caption.norms, reference.norms, strict=True
    ):
        if norm_c and norm_s:
            total += sum(min(g, g_s[k]) * g_s[k] for k, g in g_c.items() if k in g_s) / (norm_c * norm_s)
    return total / len(ORDERS) * length_penalty(caption.words - reference.words)


def length_penalty(difference):
    """exp(-difference^2 / (2 sigma^2)) of words, a number or an array."""
    return np.exp(-np.square(difference) / (2 * SIGMA**2))
