"""What BLEU (Papineni et al. 2002) is made of, picture by picture: sums of it over any pictures give their BLEU.

So the corpus is counted once, and BLEU of a thousand resamples of it is a matrix product.
"""

import numpy as np
from nltk.translate.bleu_score import closest_ref_length, modified_precision

ORDERS = (1, 2, 3, 4)
MATCHED, WRITTEN = slice(0, 4), slice(4, 8)  # n-grams of each order
CAPTION_WORDS, REFERENCE_WORDS = 8, 9


def count(captions, references):
    """The counts of each picture, float64 (N, 10): MATCHED, WRITTEN, CAPTION_WORDS, REFERENCE_WORDS.

    captions: N word lists; references: of each picture, a list of word lists. Matched is an n-gram as often as the
    reference that has it most often has it. The reference counted is the closest in length, of two the shorter. A
    caption too short for an n-gram has written one all the same (nltk's rule, which COCO's scorer has not).
    """
    return np.array([_count_one(*pair) for pair in zip(captions, references, strict=True)], np.float64)


def _count_one(caption, references):
    precisions = [modified_precision(references, caption, n) for n in ORDERS]
    matched = [precision.numerator for precision in precisions]
    written = [precision.denominator for precision in precisions]
    return [*matched, *written, len(caption), closest_ref_length(references, len(caption))]


def bleu_of(counts, brevity=True):
    """BLEU-1 to BLEU-4 in percent, (..., 4), of sums of counts, (..., 10).

    BLEU-n = b (p_1 ... p_n)^(1/n) with p = matched / written and the brevity penalty b = exp(1 - r / c) where the
    captions' words c are fewer than the references' r, else 1; with brevity=False b is 1 always.
    """
    with np.errstate(divide="ignore"):  # log 0 = -inf, whose exp is the 0 wanted
        logs = np.cumsum(np.log(counts[..., MATCHED] / counts[..., WRITTEN]), axis=-1) / ORDERS
    if brevity:
        c, r = counts[..., CAPTION_WORDS, None], counts[..., REFERENCE_WORDS, None]
        logs += np.minimum(0, 1 - r / np.maximum(c, 1))  # without words p is 0 anyway
    return 100 * np.exp(logs)
