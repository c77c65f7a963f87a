"""Exercise 17: BLEU.

To learn: how captions are scored, and what such a score cannot see. BLEU (Papineni et al. 2002) looks which n-grams
of a caption, its runs of n words, also stand in one of the image's references.

    p_n      = n-grams of the captions that match / n-grams of the captions
    matches  = for each different n-gram of a caption, min(its count there, its largest count in any one reference)
    c, r     = words of the captions; words of the references, of each image the one whose length is closest to the
               caption's, of two equally close the shorter
    brevity  = 1 where c > r, else exp(1 - r / c)
    BLEU-n   = 100 brevity (p_1 p_2 ... p_n)^(1/n), for n = 1, 2, 3, 4; 0 where one of these p is 0

The whole corpus is one text: matches, n-grams, c and r are summed over all captions before anything is divided.

Why min: "the the the the" would match word by word. Why brevity: nothing else makes a caption say more than it is
sure of. "a man in a", said of every photo of Flickr8k, gets BLEU-1 75 without it and 34 with it.

Predict before you run, for one caption, "a man in a", and one reference, "a man rides in the deep snow":
  1. What are p_1, p_2 and p_3? Mind that the reference has one "a".
  2. What are brevity and BLEU-1 to BLEU-4?
  3. A second image's caption is "snow", and so is its only reference. What is BLEU-1 of the two together? Is it the
     mean of 35.4 and 100?
(p_1 = 3/4, p_2 = 1/3; brevity = exp(1 - 7/4) = 0.472, so BLEU-1 = 35.4 and BLEU-2 = 23.6. The rest is yours.)

bleu returns a list of four floats. A caption of fewer than n words counts as having one n-gram, which does not match:
nltk has it so, which the library counts with.

Python alone will do, with collections.Counter and math.
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
