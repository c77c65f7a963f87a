"""ROUGE-L (Lin 2004): how much of the words, in their order, caption and references have in common."""

import numpy as np

BETA = 1.2  # recall's weight against precision's, COCO's


def rouge_l(captions, references):
    """ROUGE-L of each image's caption in percent, float64 (N,).

    captions: N word lists; references: of each image, a list of word lists. With l the longest common subsequence of
    caption and reference, P = l / caption's words and R = l / reference's words:

        F = (1 + beta^2) P R / (R + beta^2 P)

    Of several references, COCO's scorer (Chen et al. 2015) takes the largest P and the largest R, each from whichever
    reference has it; Lin takes the largest F.
    """
    return np.array([100 * _one(*pair) for pair in zip(captions, references, strict=True)])


def _one(caption, references):
    common = [(common_words(caption, reference), len(reference)) for reference in references]
    if not any(length for length, _ in common):
        return 0.0
    precision = max(length for length, _ in common) / len(caption)
    recall = max(length / words for length, words in common if words)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common_words(first, second):
    """How many words the longest common subsequence of two word lists has: in both, in order, gaps allowed."""
    above = [0] * (len(second) + 1)  # of the words of first so far, and the first j of second
    for word in first:
        row = [0]
        for j, other in enumerate(second):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        above = row
    return above[-1]
