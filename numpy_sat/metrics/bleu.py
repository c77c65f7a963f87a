"""BLEU (Papineni et al. 2002) of a corpus.

The counts of each caption are kept apart. Their sums over any captions give those captions' BLEU, so a corpus is
counted once, and the BLEU of a thousand resamples of it is a matrix product.
"""

import numpy as np
from nltk.translate.bleu_score import closest_ref_length, modified_precision

ORDERS = (1, 2, 3, 4)
MATCHED, WRITTEN = slice(0, 4), slice(4, 8)  # n-grams of each order
CAPTION_WORDS, REFERENCE_WORDS = 8, 9


def bleu(captions, references):
    """Compute BLEU-1 to BLEU-4 of a corpus, with brevity penalty.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        A list of four floats, in percent.
    """
    return from_counts(count(captions, references).sum(axis=0)).tolist()


def count(captions, references):
    """Count what BLEU is made of, for each caption.

    A matched n-gram counts as often as in the reference that has it most often. The reference length is the closest to
    the caption's, the shorter of two equally close. A caption of fewer than n words has one n-gram, which does not
    match: this is nltk's rule, which the COCO scorer does not have.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        (N, 10) float64: MATCHED, WRITTEN, CAPTION_WORDS, REFERENCE_WORDS.
    """
    counts = [_count_one(*pair) for pair in zip(captions, references, strict=True)]
    return np.array(counts, np.float64).reshape(-1, 10)


def _count_one(caption, references):
    precisions = [modified_precision(references, caption, n) for n in ORDERS]
    matched = [precision.numerator for precision in precisions]
    written = [precision.denominator for precision in precisions]
    return [*matched, *written, len(caption), closest_ref_length(references, len(caption))]


def from_counts(counts, brevity=True):
    """Compute BLEU-1 to BLEU-4 from sums of counts.

    Args:
        counts: (..., 10) sums of rows of `count`.
        brevity: False leaves out the brevity penalty.
    Returns:
        (..., 4) BLEU in percent.
    """
    # p_n = matched / written; (p_1 ... p_n)^(1/n) = exp of the mean of log p_1, ..., log p_n
    with np.errstate(divide="ignore"):  # log 0 = -inf, and exp gives the 0 wanted
        logs = np.cumsum(np.log(counts[..., MATCHED] / np.maximum(counts[..., WRITTEN], 1)), axis=-1) / ORDERS
    if brevity:
        # The penalty is exp(1 - r / c) where the captions' words c are fewer than the references' r, else 1.
        c, r = counts[..., CAPTION_WORDS, None], counts[..., REFERENCE_WORDS, None]
        logs += np.minimum(0, 1 - r / np.maximum(c, 1))  # without words p is 0 anyway
    return 100 * np.exp(logs)
