"""The features of captions by which a list of them is ranked again (after Fang et al. 2014).

The score of a caption is w . f. Line search fits w (training/objectives/reranking.py). There are two sets of
weights: one with the similarity of image and caption, one without.
"""

import numpy as np

MOST_SAID = 10  # detected words in a caption; more count as this many
FEATURES = (
    *("log p", "words", "log p per word", "log rank"),
    *(f"{count} detected words said" for count in range(MOST_SAID + 1)),
    "similarity",
)
WITH, WITHOUT = range(2)  # rows of the weights: with and without the similarity


def init_params(dtype=np.float32):
    """Return the initial weights, {"ranking": (2, F)}: those of log p per word, as in beam search."""
    weights = np.zeros((2, len(FEATURES)), dtype)
    weights[:, FEATURES.index("log p per word")] = 1
    return {"ranking": weights}


def features(captions, detected, similarity):
    """Compute the features of the captions of one image.

    Args:
        captions: M captions, as pairs of their word numbers without <end> and their log p.
        detected: (V,) bool, the detected words of the image.
        similarity: (M,) similarities of the image with the captions.
    Returns:
        (M, F) float64.
    """
    log_p = np.array([log_p for _, log_p in captions], np.float64)
    words = np.array([len(numbers) + 1 for numbers, _ in captions])  # with <end>
    rank = 1 + (-log_p).argsort(kind="stable").argsort(kind="stable")
    word_counts = [min(MOST_SAID, int(detected[list(set(numbers))].sum())) for numbers, _ in captions]
    indicators = np.eye(MOST_SAID + 1)[word_counts]
    return np.column_stack([log_p, words, log_p / words, np.log(rank), indicators, similarity])
