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

    translations: N word lists; alphas: (words and <end>, L) attention of each, or None of a model that does not look;
    phrases: N phrase_language.Phrases. Returns a Truth.
    """
    exact = are_exact(translations, phrases)
    looks = [
        (weights[list(places)].sum(), len(places) / len(weights))
        for right, alpha, phrase in zip(exact, alphas or [], phrases, strict=bool(alphas))
        for weights, places in zip(alpha, phrase.aligned, strict=False)  # <end> stands for no word
        if right
    ]
    aligned, chance = np.mean(looks, axis=0) if looks else (np.nan, np.nan)
    return Truth(float(exact.mean()), float(aligned), float(chance))


def are_exact(translations, phrases):
    """Which translations are the phrases' own, float64 (N,), 1 or 0. translations: N word lists."""
    return np.array([tuple(words) == phrase.target for words, phrase in zip(translations, phrases, strict=True)], float)
