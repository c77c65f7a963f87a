"""Solution 17: BLEU.

Three questions, each answered for the whole corpus at once: how many n-grams did the captions write, how many of them
stand in the references, and how long should the captions have been? Only then is anything divided; a mean over captions
would give a caption of three words as much to say as one of twenty.
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
    written = {n: 0 for n in (1, 2, 3, 4)}
    matched = {n: 0 for n in (1, 2, 3, 4)}
    caption_words = reference_words = 0

    for caption, of_image in zip(captions, references, strict=True):
        for n in (1, 2, 3, 4):
            counts = _count(caption, n)

            # How often an n-gram may match: as often as it stands in that reference which has it most often. (Not in
            # all references together, or a word that each has once would match once for each of them.)
            allowed = Counter()
            for reference in of_image:
                for ngram, count in _count(reference, n).items():
                    allowed[ngram] = max(allowed[ngram], count)

            matched[n] += sum(min(count, allowed[ngram]) for ngram, count in counts.items())

            # A caption of fewer than n words has no n-gram. nltk counts one all the same, one that does not match.
            written[n] += max(1, sum(counts.values()))

        # The reference that asks for the length closest to the caption's; of a shorter and a longer, the shorter.
        length = len(caption)
        closest = min((abs(len(reference) - length), len(reference)) for reference in of_image)[1]
        caption_words += length
        reference_words += closest

    # Precision has no word for what is missing: one sure word would get 100. So captions shorter than they should be
    # pay for it. exp(1 - r / c) is 1 at r = c, and falls: 0.37 at half the length.
    if caption_words == 0:
        return [0.0, 0.0, 0.0, 0.0]
    brevity = min(1.0, math.exp(1 - reference_words / caption_words))

    # The geometric mean of p_1 to p_n, through logarithms: the n-th root of a product is exp of the mean logarithm.
    # Where a factor is 0, so is the product, and its logarithm need not be asked for.
    scores = []
    for n in (1, 2, 3, 4):
        precisions = [matched[m] / written[m] for m in range(1, n + 1)]
        if min(precisions) == 0:
            scores.append(0.0)
            continue
        mean_logarithm = sum(math.log(p) for p in precisions) / n
        scores.append(100 * brevity * math.exp(mean_logarithm))
    return scores


def _count(words, n):
    """How often each n-gram stands in a list of words: {its n words: count}. The last one starts at word len - n."""
    starts = range(len(words) - n + 1)
    return Counter(tuple(words[start : start + n]) for start in starts)
