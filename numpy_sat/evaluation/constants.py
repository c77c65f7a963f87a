"""Scores of many captions, each as the caption of every image, without a look at image after image.

BLEU and CIDEr-D both count a match as often as caption and reference both have the n-gram. With its occurrences
numbered, (n-gram, 1), (n-gram, 2), ..., that is a sum over the numbered n-grams that both have, and what the references
give to one of them can be added up before any caption is looked at.
"""

from collections import Counter, defaultdict

import numpy as np
from nltk.translate.bleu_score import closest_ref_length

from numpy_sat.metrics import bleu, cider


def bleu_4(candidates, references):
    """BLEU-4 of each candidate in percent, float64 (K,), were it the caption of every image.

    candidates: K word lists; references: of each image, a list of word lists.
    """
    said = [[_numbered(cider.count_ngrams(reference)) for reference in of_image] for of_image in references]
    images_with = Counter(key for of_image in said for key in set().union(*of_image))
    lengths = set(map(len, candidates))
    closest = {words: sum(closest_ref_length(one, words) for one in references) for words in lengths}
    counts = np.zeros((len(candidates), 10))
    for row, words in zip(counts, candidates, strict=True):
        for key in _numbered(cider.count_ngrams(words)):
            row[bleu.MATCHED][len(key[0]) - 1] += images_with[key]
        row[bleu.WRITTEN] = [len(references) * max(1, len(words) - n + 1) for n in bleu.ORDERS]
        row[bleu.CAPTION_WORDS] = len(references) * len(words)
        row[bleu.REFERENCE_WORDS] = closest[len(words)]
    return bleu.from_counts(counts)[:, 3]


def cider_d(candidates, references):
    """CIDEr-D of each candidate, 0 to 1000, float64 (K,), were it the caption of every image.

    candidates: K word lists; references: of each image, a list of word lists.
    """
    said = [[cider.count_ngrams(reference) for reference in of_image] for of_image in references]
    idf = cider.Idf(said)
    given = _given(said, idf, longest=max(len(reference) for of_image in references for reference in of_image))
    scores = [_as_constant(cider.count_ngrams(words), given, idf) for words in candidates]
    return 1000 * np.array(scores) / len(cider.ORDERS) / len(references)


def _given(said, idf, longest):
    """Numbered n-gram -> the sum of g_s / |g_s| over the references s with so many words, / their image's number.

    Since min(g_c, g_s) g_s = idf g_s + ... + idf g_s, once for every time that both texts have the n-gram.
    """
    given = defaultdict(lambda: np.zeros(longest + 1))
    for of_image in said:
        for counts in of_image:
            s = idf.weigh(counts)
            for ngram, time in _numbered(counts):
                n = len(ngram) - 1
                if s.norms[n]:
                    given[ngram, time][s.words] += s.vectors[n][ngram] / s.norms[n] / len(of_image)
    return given


def _as_constant(counts, given, idf):
    """The sum of a caption's sim_n over orders and images, of each image the mean over its references."""
    c = idf.weigh(counts)
    of_length = 0.0
    for key in _numbered(counts):
        norm = c.norms[len(key[0]) - 1]
        if norm and key in given:
            of_length = of_length + given[key] * idf.value(key[0]) / norm
    return float(np.sum(of_length * cider.length_penalty(c.words - np.arange(np.size(of_length)))))


def _numbered(counts):
    """Each of the n-grams counted with the number of the time it occurs: (n-gram, 1), (n-gram, 2), ..."""
    return [(ngram, time) for ngram, times in counts.items() for time in range(1, times + 1)]
