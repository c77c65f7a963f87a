"""Exercise 17: BLEU                                                               (difficulty 2 of 3, about 45 minutes)

Goal            Score captions, and see what such a score misses. BLEU (Papineni et al. 2002) counts the n-grams of a
                caption that also occur in one of the image's references. An n-gram is a sequence of n words.

Equations       p_n      = n-grams of the captions that match / n-grams of the captions                n = 1, 2, 3, 4
                matches  = for each different n-gram of a caption: min(count there, largest count in one reference)
                c, r     = words of the captions, words of the references. For each image, r counts the reference whose
                           length is closest to the caption's: the shorter one of two equally close
                brevity  = 1 where c > r, else exp(1 - r / c)
                BLEU-n   = 100 brevity (p_1 p_2 ... p_n)^(1/n); 0 where one of these p is 0         a list of four
                The whole corpus counts as one text: matches, n-grams, c and r are summed over all captions before
                anything is divided. Why min? Else every word of "the the the the" would match. Why brevity? Else short
                captions of safe words would win.

Worked example  The caption "a man in a" and one reference, "a man rides in the deep snow", which has one "a":
                p_1 = 3/4   p_2 = 1/3   brevity = 0.472   BLEU-1 = 35.4   BLEU-2 = 23.6
                Find p_3, BLEU-3 and BLEU-4. A second image's caption is "snow", and so is its only reference. What is
                BLEU-1 of the two images together? Is it the mean of 35.4 and 100?

Your task       1. bleu: return BLEU-1 to BLEU-4 as a list of four floats. Trap: a caption of fewer than n words counts
                   as one n-gram that does not match, as in nltk, which the library uses. Trap: a match is clipped by
                   each reference on its own, not by the sum over references. If no caption has a word, return zeros.

Given           Python alone will do, with collections.Counter and math. captions are lists of words. There is no cache.

Run             python -m exercises check 17   python -m exercises hint 17   python -m exercises check 17 --pencil
Read            exercises/chapters/judging_captions.md: the longer story, with figures
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
    raise NotImplementedError("exercise 17: bleu")
