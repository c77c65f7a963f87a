"""Judge translations against the grammar of the phrases: are they right, and does attention lie on the right words?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from numpy_sat.data.phrases.phrase_language import Phrase


class Truth(NamedTuple):
    """Shares, 0 to 1."""

    exact: float  # of phrases: the translation is that of the grammar, word for word
    aligned: float  # of attention in exact translations: on the words that the Italian word translates; may be nan
    chance: float  # the same for uniform attention


def judge_translations(
    translations: Sequence[list[str]], alphas: Sequence[np.ndarray] | None, phrases: Sequence[Phrase]
) -> Truth:
    """Judge one translation of each phrase.

    Args:
        translations: N word lists.
        alphas: a list of N (T, L) attention weights, for the words and <end>; None for a model without attention.
        phrases: N phrase_language.Phrases.
    Returns:
        A Truth.
    """
    exact = are_exact(translations, phrases)
    shares = [
        (weights[list(places)].sum(), len(places) / len(weights))
        for right, alpha, phrase in zip(exact, alphas or [], phrases, strict=bool(alphas))
        for weights, places in zip(alpha, phrase.alignment, strict=False)  # <end> translates no word
        if right
    ]
    aligned, chance = np.mean(shares, axis=0) if shares else (np.nan, np.nan)
    return Truth(float(exact.mean()), float(aligned), float(chance))


def are_exact(translations: Sequence[list[str]], phrases: Sequence[Phrase]) -> np.ndarray:
    """Judge which translations are those of the grammar, word for word.

    Args:
        translations: N word lists.
        phrases: N phrase_language.Phrases.
    Returns:
        (N,) float64, 1 for an exact translation, else 0.
    """
    return np.array([tuple(words) == phrase.target for words, phrase in zip(translations, phrases, strict=True)], float)
