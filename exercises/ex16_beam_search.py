"""Exercise 16: Beam search                                  (difficulty 3 of 3, about 90 minutes; builds on exercise 4)

To learn: the likeliest caption need not start with the likeliest word. Greedy decoding takes the best word at each
step, and cannot go back. Beam search keeps the k best partial captions, and all their continuations compete.

    log p of a caption = sum over its words and <end> of log p(word | the words before)
    rank of a caption  = log p / length ** length_power         length counts the words, and <end> if it is written

Every word lowers log p, so short captions win by log p alone (length_power 0). The mean per word (1) is fairer.

Predict before you run. First word: "one" 0.6, "two" 0.4. After "one": dog 0.4, cat 0.3, <end> 0.3; after "two": dogs
0.9, <end> 0.1; after dog, cat or dogs: <end> 1.
  1. What does greedy decoding find, and with which p? What does k = 2 find, and which partial captions does it keep?
  2. One caption has 2 words, another 4. With <end>, each step of the first has p 0.5, each of the second 0.6. Which
     one wins with length_power 0, and which with 1?
(1: greedy "one dog", 0.24; k = 2 "two dogs", 0.36. 2: with 0 the first, as 0.5^3 = 0.125 > 0.6^5 = 0.078. With 1?)

extend is one step, for N images at once. An image has slots, each with a partial caption. Each slot has V
continuations, so there are slots V candidates, with the numbers slot * V + word. extend keeps the k of highest rank,
best first. It returns word; parent, the slot it continues; score, which is log p so far, not the rank; length; and
done, True if its word is <end>. A caption that was done before does not grow: its only continuation is another <end>,
which has p = 1 and is not counted.

beam_search starts with one slot per image, <start>. Each step calls decoder.step; softmax.log_softmax of the logits,
in float64; search.ban, which bans words in log_p in place; extend; search.note_finished, which keeps each image's best
finished caption as (rank, step, slot), at first (-inf, 0, 0); decoder.select. The decoder works on rows: slot s of
image n is row n * slots + s, in all arguments and results. Append a search.Step of every step to the history. At the
end, search.read_back follows the parents back from each image's best caption. There are at most max_words + 1 steps,
because <end> comes last. Stop when all captions are done or impossible (score -inf).

From search you may use ban, note_finished, read_back and Step.
Run             python -m exercises check 16      python -m exercises hint 16
"""

import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search
from numpy_sat.layers import softmax


def extend(scores, lengths, done, log_p, k, length_power):
    """Return the k continuations of each image's captions with the highest log p / length ** length_power.

    Args:
        scores: (N, slots) log-probabilities so far.
        lengths: (N, slots) number of words so far, including <end>.
        done: (N, slots) which captions are finished; these do not grow.
        log_p: (N, slots, V) log-probabilities of the next word; `ban` has set impossible words to -inf.
        k: number of continuations, at most slots V.
        length_power: exponent of the length normalization.
    Returns:
        words: (N, k) new words, the best continuation first.
        parents: (N, k) slots of the captions to which they are added.
        scores, lengths, done: (N, k) after this step.
    """
    raise NotImplementedError("exercise 16: extend")


def beam_search(decoder, params, a, k, max_words, length_power=1.0):
    """Find the caption of each image with the highest log p / length ** length_power.

    The length counts words and <end>. <unk> and <start> are never written, <end> is never the first word, and only
    <end> follows max_words words. Log-probabilities are summed in float64.

    Args:
        decoder: a decoders.Writer, or an object with begin(params, a), step(params, state, words), select(state, rows).
        params: arrays by name.
        a: (N, L, D) annotation vectors.
        k: beam width.
        max_words: maximum number of words without <end>.
        length_power: exponent of the length normalization; values below 1 favor short captions.
    Returns:
        N Captions.
    Raises:
        ValueError: k or max_words is below 1.
    """
    raise NotImplementedError("exercise 16: beam_search")
