"""BLEU (Papineni et al. 2002) on the corpus, counted by nltk."""

import warnings

from nltk.translate.bleu_score import corpus_bleu


def bleu(captions, references):
    """BLEU-1 to BLEU-4 with brevity penalty, in percent.

    captions: a word list a picture; references: of each picture, a list of word lists. Returns four floats.
    """
    weights = [(1 / n,) * n for n in (1, 2, 3, 4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nltk warns where no n-gram matches, and takes a tiny number for the 0
        scores = corpus_bleu(references, captions, weights)
    return [100 * float(score) if score > 1e-50 else 0.0 for score in scores]
