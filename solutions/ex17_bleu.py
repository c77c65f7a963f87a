"""Solution 17: BLEU.

BLEU adds up three counts over the whole corpus: the n-grams of the captions, those that match a reference, and the
words of the closest references. It divides only after that. A mean over captions would give a caption of three words
the same weight as one of twenty.

Answers to the questions of the page:

p_3 = 0   BLEU-3 = 0   BLEU-4 = 0      because neither "a man in" nor "man in a" is in the reference
For both images together, p_1 is 4/5 and the brevity is exp(1 - 8/5): BLEU-1 = 43.9. The mean of 35.4 and 100 is 67.7:
BLEU of a corpus is no mean over captions.
"""

import math
from collections import Counter


def bleu(captions, references):
    """Compute BLEU-1 to BLEU-4 of a corpus, with brevity penalty.

    Args:
        captions: N word lists, one for each image.
        references: for each image, a list of word lists.
    Returns:
        A list of four floats, in percent.
    """
    ngrams = {n: 0 for n in (1, 2, 3, 4)}
    matches = {n: 0 for n in (1, 2, 3, 4)}
    caption_words = reference_words = 0

    for caption, image_references in zip(captions, references, strict=True):
        for n in (1, 2, 3, 4):
            counts = _count(caption, n)

            # An n-gram may match as often as it occurs in the one reference that has it most often. The sum over all
            # references would be wrong: a word that occurs once in each could then match several times.
            limit = Counter()
            for reference in image_references:
                for ngram, count in _count(reference, n).items():
                    limit[ngram] = max(limit[ngram], count)

            matches[n] += sum(min(count, limit[ngram]) for ngram, count in counts.items())

            # A caption of fewer than n words has no n-gram. Count one without a match, as nltk does.
            ngrams[n] += max(1, sum(counts.values()))

        # Take the reference whose length is closest to the caption's, and the shorter one of two equally close.
        length = len(caption)
        closest = min((abs(len(reference) - length), len(reference)) for reference in image_references)[1]
        caption_words += length
        reference_words += closest

    # brevity = min(1, exp(1 - r / c)), with r reference words and c caption words. Precision ignores missing words: a
    # caption of one safe word would score 100. The penalty is 1 at r = c and 0.37 at half the length.
    if caption_words == 0:
        return [0.0, 0.0, 0.0, 0.0]
    brevity = min(1.0, math.exp(1 - reference_words / caption_words))

    # BLEU-n = brevity * (p_1 ... p_n)^(1/n), where the n-th root of the product is exp of the mean logarithm. If a
    # factor is 0, the product is 0. Return it before taking a logarithm of 0.
    scores = []
    for n in (1, 2, 3, 4):
        precisions = [matches[m] / ngrams[m] for m in range(1, n + 1)]
        if min(precisions) == 0:
            scores.append(0.0)
            continue
        mean_logarithm = sum(math.log(p) for p in precisions) / n
        scores.append(100 * brevity * math.exp(mean_logarithm))
    return scores


def _count(words, n):
    """Count the n-grams of a list of words: {tuple of n words: count}."""
    # The last n-gram starts at word len(words) - n.
    starts = range(len(words) - n + 1)
    return Counter(tuple(words[start : start + n]) for start in starts)
