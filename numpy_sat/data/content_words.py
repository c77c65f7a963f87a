"""Tell content words from function words, and words with the same stem from others."""

from functools import cache

import numpy as np

from numpy_sat.data.vocabulary import SPECIALS, Vocabulary

FUNCTION_WORDS = frozenset(  # words that good captions repeat: articles, prepositions, conjunctions, forms of "be"
    "a an the this that these those some another other one of in on at to from with by for over under above below near "
    "behind beside between into onto out off up down through across along around against while as and or but is are "
    "was were be being been has have his her its their he it she they who which there".split()
)


@cache
def stem(word: str) -> str:
    """Return the stem of a word, by the algorithm of Porter (1980)."""
    return _stemmer().stem(word)


@cache
def _stemmer():
    from nltk.stem.porter import PorterStemmer  # here, because nltk takes long to load

    return PorterStemmer()


@cache
def stem_numbers(vocabulary: Vocabulary) -> np.ndarray:
    """Return (V,) integers: the number of each word's stem; -1 for function words and special words."""
    numbers, stems = np.full(len(vocabulary), -1), {}
    for number, word in enumerate(vocabulary.words):
        if number >= len(SPECIALS) and word not in FUNCTION_WORDS:
            numbers[number] = stems.setdefault(stem(word), len(stems))
    numbers.flags.writeable = False
    return numbers
