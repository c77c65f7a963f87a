"""Exercise 17: BLEU                                                               (difficulty 2 of 3, about 45 minutes)

To learn: how captions are scored, and what such a score cannot see. BLEU (Papineni et al. 2002) counts the n-grams of
a caption, its sequences of n words, that also occur in one of the image's references.

    p_n      = n-grams of the captions that match / n-grams of the captions
    matches  = for each different n-gram of a caption, min(its count there, its largest count in any one reference)
    c        = words of the captions
    r        = words of the references; for each image, the reference whose length is closest to the caption's (the
               shorter one of two equally close)
    brevity  = 1 where c > r, else exp(1 - r / c)
    BLEU-n   = 100 brevity (p_1 p_2 ... p_n)^(1/n), for n = 1, 2, 3, 4; 0 where one of these p is 0

The whole corpus is one text: matches, n-grams, c and r are summed over all captions before anything is divided.

Why min: every word of "the the the the" would match. Why brevity: without it, short captions of safe words would win.
"a man in a" as the caption of every photo of Flickr8k has BLEU-1 75 without brevity and 34 with it.

Predict before you run, for one caption, "a man in a", and one reference, "a man rides in the deep snow":
  1. What are p_1, p_2 and p_3? Note that the reference has one "a".
  2. What are brevity and BLEU-1 to BLEU-4?
  3. A second image's caption is "snow", and so is its only reference. What is BLEU-1 of the two together? Is it the
     mean of 35.4 and 100?
(p_1 = 3/4, p_2 = 1/3; brevity = exp(1 - 7/4) = 0.472, so BLEU-1 = 35.4 and BLEU-2 = 23.6. Find the rest yourself.)

bleu returns a list of four floats. A caption of fewer than n words counts as one n-gram that does not match, as in
nltk, which the library uses.

Python alone will do, with collections.Counter and math.
Run             python -m exercises check 17      python -m exercises hint 17
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
