"""METEOR (Banerjee and Lavie 2005), aligned by nltk, with the parameters of METEOR 1.5 (Denkowski and Lavie 2014)."""

from functools import lru_cache
from types import SimpleNamespace
from zipfile import BadZipFile

import numpy as np
from nltk.corpus import wordnet
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score

ALPHA, BETA, GAMMA = 0.85, 0.2, 0.6  # METEOR 1.5's for English; nltk's own, of 2007, score captions far higher


def meteor(captions, references):
    """METEOR of each image's caption in percent, float64 (N,).

    captions: N word lists; references: of each image, a list of word lists, of which the best-scoring counts. Words
    are matched that are the same, then that have the same stem (Porter 1980), then that WordNet calls synonyms, where
    it is there: see matching(). With m matches in so many chunks of neighbours in both, P = m / caption's words,
    R = m / reference's words:

        F = P R / (alpha P + (1 - alpha) R),   METEOR = F (1 - gamma (chunks / m)^beta)

    What METEOR 1.5 has and nltk has not: paraphrases, weights for the kinds of match, less weight for function words,
    and the alignment with the fewest chunks; nltk looks synonyms up by what stemming left of a word. METEOR 1.5 also
    adds up the corpus's matches before it divides; here the figure of several images is the mean of theirs. Compare
    METEOR only with METEOR of the same scorer. A caption equal to its reference has P = R = 1 and one chunk, and with
    so low a beta far less than 100: 54.5 with four words.
    """
    synonyms, _ = _synonyms()
    known = dict(stemmer=_stemmer(), wordnet=synonyms, alpha=ALPHA, beta=BETA, gamma=GAMMA)
    scores = [meteor_score(said, caption, **known) for caption, said in zip(captions, references, strict=True)]
    return 100 * np.array(scores)


def matching():
    """Which words METEOR matches with what is installed here: a sentence to print beside its figures."""
    return _synonyms()[1]


@lru_cache(maxsize=1)
def _stemmer():
    return SimpleNamespace(stem=lru_cache(maxsize=None)(PorterStemmer().stem))


@lru_cache(maxsize=1)
def _synonyms():
    """What nltk is to take for WordNet, and matching()'s sentence. Without WordNet no word has synonyms."""
    try:
        wordnet.synsets("dog")
    except (LookupError, OSError, BadZipFile) as error:
        found = "is missing" if isinstance(error, LookupError) else f"cannot be read ({error})"
        return SimpleNamespace(synsets=lambda word: []), (
            f"METEOR matches words and stems only, no synonyms, and is lower for it: WordNet {found}; "
            f"python -m nltk.downloader wordnet installs it."
        )
    return SimpleNamespace(synsets=lru_cache(maxsize=None)(wordnet.synsets)), (
        "METEOR matches words, stems and WordNet's synonyms."
    )
