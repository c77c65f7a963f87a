"""Exercise 16: Beam search                                  (difficulty 3 of 3, about 90 minutes; builds on exercise 4)

Goal            Find likely captions. Greedy decoding takes the best word at each step and cannot go back. Beam search
                keeps the k best partial captions, and lets all their continuations compete.

Equations       log p = sum over words and <end> of log p(word | words before);   rank = log p / length ** length_power
                Every word lowers log p. So short captions win by log p alone (length_power 0), and the mean per word
                (1) is fairer. length counts the words, and <end> if it is written. The two functions in pseudo-code:
                extend, for each image:
                    for each slot (a partial caption) and each of the V words:
                        score = scores[slot] + log_p[slot, word];  length = lengths[slot] + (0 if done[slot] else 1)
                        rank  = score / length ** length_power
                    keep the k candidates of highest rank, best first: word, slot as parent, score, length, word == END
                beam_search: one slot per image, with the word START, score 0, length 0, done False
                    for t = 0 ... max_words:
                        logits, alpha, beta, state = decoder.step(params, state, words of all rows)
                        log_p = softmax.log_softmax(logits as float64);  search.ban(log_p, t == 0, t == max_words, done)
                        extend;  append a search.Step to the history;  best = search.note_finished(best, t, ...)
                        state = decoder.select(state, rows of the parents);  stop if all are done or have score -inf
                    return [search.read_back(history, n, best[n]) for each image n]

Worked example  First word: "one" 0.6, "two" 0.4. After "one": dog 0.4, cat 0.3, <end> 0.3. After "two": dogs 0.9, <end>
                0.1. After dog, cat or dogs: <end> 1. Greedy decoding finds "one dog", p = 0.24. What does k = 2 find? A
                caption has 2 words, another 4. With <end>, each step has p 0.5 in the first, 0.6 in the second. With
                length_power 0 the first wins, 0.125 > 0.078. Which wins with 1?

Your task       1. extend: one step. Trap: keep the score, not the rank. A done caption continues with <end>, p = 1.
                   With fewer than k candidates, keep all. Candidates of rank -inf are impossible: they only fill up.
                2. beam_search: the loop. Trap: slot s of image n is row n * slots + s in all arguments and results of
                   the decoder. The first step has one slot, later ones k. alpha and beta belong to the slots before
                   `extend`.

Given           state = decoder.begin(params, a). best starts as [(-np.inf, 0, 0)] * N: rank, step and slot of each
                image's best finished caption. search.Step is (words, parents, scores, alpha, beta), with alpha as (N,
                slots, L) and beta as (N, slots). search.note_finished(best, t, words, parents, done_before, scores,
                lengths, length_power) takes `done` before and the rest after extend.

Run             python -m exercises check 16   python -m exercises hint 16   python -m exercises check 16 --pencil
Read            exercises/chapters/beam_search.md: the longer story, with figures
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
        k: number of continuations; all slots V of them if k is larger.
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
