"""BLEU (Papineni et al. 2002) of a corpus.

`count` returns the counts of each caption separately. The BLEU of any set of captions needs only the sum of their
counts. So a corpus is counted once, and the counts of a thousand resamples are one matrix product.
"""

from collections.abc import Sequence

import numpy as np

ORDERS = (1, 2, 3, 4)
MATCHED, WRITTEN = slice(0, 4), slice(4, 8)  # columns of `count`: n-grams of each order
CAPTION_WORDS, REFERENCE_WORDS = 8, 9  # columns: lengths


def bleu(captions, references):
    """Compute BLEU-1 to BLEU-4 of a corpus, with brevity penalty.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        A list of four floats, in percent.
    """
    return from_counts(count(captions, references).sum(axis=0)).tolist()


def count(captions: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Count matched n-grams, all n-grams and lengths of each caption.

    The matches of an n-gram are clipped: at most its largest count in any single reference. The reference length is
    the one closest to the caption's length, or the shorter of two that are equally close. A caption of fewer than n
    words has one n-gram, which does not match. This is nltk's rule; COCO's scorer does not have it.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        (N, 10) float64; the columns are MATCHED, WRITTEN, CAPTION_WORDS and REFERENCE_WORDS.
    """
    counts = [_count_caption(*pair) for pair in zip(captions, references, strict=True)]
    return np.array(counts, np.float64).reshape(-1, 10)


def _count_caption(caption, references):
    from nltk.translate.bleu_score import closest_ref_length, modified_precision  # nltk takes 0.3 s to import

    precisions = [modified_precision(references, caption, n) for n in ORDERS]
    matched = [precision.numerator for precision in precisions]
    written = [precision.denominator for precision in precisions]
    return [*matched, *written, len(caption), closest_ref_length(references, len(caption))]


def from_counts(counts: np.ndarray, brevity: bool = True) -> np.ndarray:
    """Compute BLEU-1 to BLEU-4 from sums of counts.

    Args:
        counts: (..., 10) sums of rows of `count`.
        brevity: if False, the brevity penalty is left out.
    Returns:
        (..., 4) BLEU in percent.
    """
    # p_n = matched / written; (p_1 ... p_n)^(1/n) = exp of the mean of log p_1, ..., log p_n
    with np.errstate(divide="ignore"):  # log 0 = -inf, and exp(-inf) = 0 is correct
        logs = np.cumsum(np.log(counts[..., MATCHED] / np.maximum(counts[..., WRITTEN], 1)), axis=-1) / ORDERS
    if brevity:
        # The penalty is exp(1 - r / c) if the captions have fewer words (c) than the references (r), else 1.
        c, r = counts[..., CAPTION_WORDS, None], counts[..., REFERENCE_WORDS, None]
        logs += np.minimum(0, 1 - r / np.maximum(c, 1))  # p is 0 anyway if c is 0
    return 100 * np.exp(logs)
