"""METEOR (Banerjee and Lavie 2005), aligned by nltk, with the parameters of METEOR 1.5 (Denkowski and Lavie 2014)."""

from collections.abc import Sequence
from functools import lru_cache
from types import SimpleNamespace
from zipfile import BadZipFile

import numpy as np
from nltk.corpus import wordnet
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score

ALPHA, BETA, GAMMA = 0.85, 0.2, 0.6  # METEOR 1.5, English; nltk's defaults, from 2007, give far higher scores


def meteor(captions: Sequence[list[str]], references: Sequence[list[list[str]]]) -> np.ndarray:
    """Compute METEOR of each image's caption.

    The aligner matches equal words first, then words with the same stem (Porter 1980), then WordNet's synonyms if
    WordNet is installed, see `matching`. The m matches form chunks, runs of matches that are contiguous in both texts.
    With P = m / words of the caption and R = m / words of the reference:

        F = P R / (alpha P + (1 - alpha) R),   METEOR = F (1 - gamma (chunks / m)^beta)

    Compare METEOR only with METEOR of the same scorer. nltk differs from METEOR 1.5:

    * It has no paraphrases, no weights for the kinds of match, and no lower weight for function words.
    * It does not search for the alignment with the fewest chunks.
    * It looks up synonyms of a word's stem, not of the word.

    METEOR 1.5 also sums the matches of the corpus before it divides. Here the score of several images is the mean of
    their scores. A caption equal to its reference has P = R = 1 and one chunk, but with this low beta it scores far
    below 100: 54.5 with four words.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists; the reference with the best score counts.
    Returns:
        (N,) float64 scores in percent.
    """
    synonyms, _ = _synonyms()
    options = dict(stemmer=_stemmer(), wordnet=synonyms, alpha=ALPHA, beta=BETA, gamma=GAMMA)
    scores = [
        meteor_score(image_references, caption, **options)
        for caption, image_references in zip(captions, references, strict=True)
    ]
    return 100 * np.array(scores)


def matching() -> str:
    """Return a sentence that says which words METEOR matches with this installation."""
    return _synonyms()[1]


@lru_cache(maxsize=1)
def _stemmer():
    return SimpleNamespace(stem=lru_cache(maxsize=None)(PorterStemmer().stem))


@lru_cache(maxsize=1)
def _synonyms():
    """Return the WordNet object for nltk and the sentence of `matching`. Without WordNet no word has synonyms."""
    try:
        wordnet.synsets("dog")
    except (LookupError, OSError, BadZipFile) as error:
        state = "is missing" if isinstance(error, LookupError) else f"cannot be read ({error})"
        return SimpleNamespace(synsets=lambda word: []), (
            f"METEOR matches words and stems only, no synonyms, so its scores are lower: WordNet {state}; "
            f"python -m nltk.downloader wordnet installs it."
        )
    return SimpleNamespace(synsets=lru_cache(maxsize=None)(wordnet.synsets)), (
        "METEOR matches words, stems and WordNet's synonyms."
    )
