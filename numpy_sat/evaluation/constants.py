"""Scores of many captions, each as the caption of every image, without a loop over the images for each caption.

BLEU and CIDEr-D both count an n-gram as often as caption and reference both have it. Number the occurrences of an
n-gram in a text: (n-gram, 1), (n-gram, 2), ... Then the count is a sum over the numbered n-grams that both texts have.
The contribution of the references to each numbered n-gram is added up once, for all captions.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from numpy_sat.metrics import bleu, cider


def bleu_4(candidates: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Compute BLEU-4 of each candidate as the caption of every image.

    Args:
        candidates: K word lists.
        references: for each image, a list of word lists.
    Returns:
        (K,) float64 scores in percent.
    """
    from nltk.translate.bleu_score import closest_ref_length  # nltk takes 0.3 s, and a training begins without it

    ngrams = [[_numbered(cider.count_ngrams(reference)) for reference in texts] for texts in references]
    images_with = Counter(key for texts in ngrams for key in set().union(*texts))
    lengths = set(map(len, candidates))
    closest = {length: sum(closest_ref_length(texts, length) for texts in references) for length in lengths}
    counts = np.zeros((len(candidates), 10))
    for row, words in zip(counts, candidates, strict=True):
        for key in _numbered(cider.count_ngrams(words)):
            row[bleu.MATCHED][len(key[0]) - 1] += images_with[key]
        row[bleu.WRITTEN] = [len(references) * max(1, len(words) - n + 1) for n in bleu.ORDERS]
        row[bleu.CAPTION_WORDS] = len(references) * len(words)
        row[bleu.REFERENCE_WORDS] = closest[len(words)]
    return bleu.from_counts(counts)[:, 3]


def cider_d(candidates: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Compute CIDEr-D of each candidate as the caption of every image.

    Args:
        candidates: K word lists.
        references: for each image, a list of word lists.
    Returns:
        (K,) float64 scores, 0 to 1000.
    """
    counts = [[cider.count_ngrams(reference) for reference in texts] for texts in references]
    idf = cider.Idf(counts)
    weights = _reference_weights(
        counts, idf, longest=max(len(reference) for texts in references for reference in texts)
    )
    scores = [_score_constant(cider.count_ngrams(words), weights, idf) for words in candidates]
    return 1000 * np.array(scores) / len(cider.ORDERS) / len(references)


def _reference_weights(counts, idf, longest):
    """Sum g_s / |g_s| over the references s, separately for each numbered n-gram and each length of s.

    Each image has weight 1, shared equally by its references. The sum is all that sim_n needs of the references, since
    min(g_c, g_s) g_s = idf g_s + ... + idf g_s, with one addend for each occurrence that both texts have.

    Args:
        counts: for each image, a list of n-gram counts, one per reference.
        idf: cider.Idf.
        longest: length of the longest reference in words.
    Returns:
        {(n-gram, occurrence): (longest + 1,) float64}, indexed by the length of s.
    """
    weights = defaultdict(lambda: np.zeros(longest + 1))
    for reference_counts in counts:
        for single in reference_counts:
            s = idf.weigh(single)
            for ngram, time in _numbered(single):
                n = len(ngram) - 1
                if s.norms[n]:
                    weights[ngram, time][s.words] += s.vectors[n][ngram] / s.norms[n] / len(reference_counts)
    return weights


def _score_constant(counts, weights, idf):
    """Sum sim_n of a caption over orders and images, where each image has the mean over its references.

    Args:
        counts: n-gram counts of the caption.
        weights: as _reference_weights returns them.
        idf: cider.Idf.
    """
    c = idf.weigh(counts)
    by_length = 0.0
    for key in _numbered(counts):
        norm = c.norms[len(key[0]) - 1]
        if norm and key in weights:
            by_length = by_length + weights[key] * idf.value(key[0]) / norm
    return float(np.sum(by_length * cider.length_penalty(c.words - np.arange(np.size(by_length)))))


def _numbered(counts):
    """Number the occurrences of each n-gram. Return [(n-gram, 1), (n-gram, 2), ...]."""
    return [(ngram, time) for ngram, times in counts.items() for time in range(1, times + 1)]
