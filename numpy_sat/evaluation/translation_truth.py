"""Translations judged against the grammar that made them: whether they are right, and where the model looked."""

from typing import NamedTuple

import numpy as np


class Truth(NamedTuple):
    """Shares, 0 to 1."""

    exact: float  # of phrases: the translation is the grammar's, word for word
    aligned: float  # of attention, in these, on the English words that the Italian one stands for; nan of none
    chance: float  # what uniform attention would score


def judge_translations(translations, alphas, phrases):
    """Judge one translation of each phrase.

    Args:
        translations: N word lists.
        alphas: (words and <end>, L) attention of each; None of a model without attention.
        phrases: N phrase_language.Phrases.
    Returns:
        A Truth.
    """
    exact = are_exact(translations, phrases)
    shares = [
        (weights[list(places)].sum(), len(places) / len(weights))
        for right, alpha, phrase in zip(exact, alphas or [], phrases, strict=bool(alphas))
        for weights, places in zip(alpha, phrase.alignment, strict=False)  # <end> stands for no word
        if right
    ]
    aligned, chance = np.mean(shares, axis=0) if shares else (np.nan, np.nan)
    return Truth(float(exact.mean()), float(aligned), float(chance))


def are_exact(translations, phrases):
    """Return which translations are exactly the phrases' own, float64 (N,), 1 or 0. translations: N word lists."""
    return np.array([tuple(words) == phrase.target for words, phrase in zip(translations, phrases, strict=True)], float)
