"""Count which words follow each other in the captions of drawn scenes, for the chapter about word vectors."""

import itertools

import numpy as np

from numpy_sat.data.scenes import scene_language, scenes
from numpy_sat.data.vocabulary import tokenize


def count_pairs(number: int = 200) -> tuple[list[str], np.ndarray]:
    """Count pairs of consecutive words in the captions of scenes.

    Args:
        number: scenes; each has five captions.
    Returns:
        words: the V words that occur, sorted.
        counts: (V, V); counts[v, w] says how often word w follows word v.
    """
    captions = []
    for index in range(number):
        rng = np.random.default_rng([0, index])
        captions += [tokenize(caption.text) for caption in scene_language.describe(scenes.random_scene(rng), rng)]
    words = sorted({word for caption in captions for word in caption})
    index = {word: v for v, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for caption in captions:
        for first, second in itertools.pairwise(caption):
            counts[index[first], index[second]] += 1
    return words, counts
