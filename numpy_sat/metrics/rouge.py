"""ROUGE-L (Lin 2004): the longest sequence of words that a caption and a reference share."""

from collections.abc import Sequence

import numpy as np

BETA = 1.2  # weight of recall against precision, COCO's value


def rouge_l(captions: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Compute ROUGE-L of each image's caption.

    With l the length of the longest common subsequence of caption and reference, P = l / words of the caption and
    R = l / words of the reference:

        F = (1 + beta^2) P R / (R + beta^2 P)

    With several references, COCO's scorer (Chen et al. 2015) takes the largest P and the largest R, which may come
    from different references. Lin takes the largest F. This function follows COCO.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        (N,) float64 scores in percent.
    """
    return np.array([100 * _f_score(*pair) for pair in zip(captions, references, strict=True)])


def _f_score(caption, references):
    common = [(common_words(caption, reference), len(reference)) for reference in references]
    if not any(length for length, _ in common):
        return 0.0
    precision = max(length for length, _ in common) / len(caption)
    recall = max(length / words for length, words in common if words)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common_words(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence of two word lists. Gaps are allowed, the order is kept."""
    above = [0] * (len(second) + 1)  # entry j: the length for the words of first so far and the first j of second
    for first_word in first:
        row = [0]
        for j, second_word in enumerate(second):
            row.append(above[j] + 1 if first_word == second_word else max(above[j + 1], row[j]))
        above = row
    return above[-1]
