"""BLEU (Papineni et al. 2002) on the corpus, counted by nltk."""

import warnings

from nltk.translate.bleu_score import corpus_bleu


def bleu(captions, references):
    """BLEU-1 to BLEU-4 with brevity penalty, in percent.

    captions: a word list a picture; references: of each picture, a list of word lists. Returns four floats.
    """
    weights = [(1 / n,) * n for n in (1, 2, 3, 4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nltk warns where no 4-gram matches; the score of 0 says it
        return [100 * float(score) for score in corpus_bleu(references, captions, weights)]
