"""Solution 16: Beam search.

A search over beginnings of captions. A beginning is a slot: the last word, the score (log p of its words), its length,
whether it is finished, and the decoder's state. One step makes of each slot V candidates, a word longer; the best k of
all of an image's candidates are its slots in the next step. Only their last words and their parents are written down;
a whole caption is read back through the parents once the search is over.

Scores are logarithms, so that products of probabilities are sums, and do not become 0 in long captions.
"""

import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search
from numpy_sat.layers import softmax


def extend(scores, lengths, done, log_p, k, length_power):
    """Return the k best continuations of each image's captions by log p / length ** length_power, the best first.

    Args:
        scores: (N, slots) log p so far.
        lengths: (N, slots) words so far, <end> counted.
        done: (N, slots) which captions are finished, and so grow no longer.
        log_p: (N, slots, V) log-probabilities of the next word, after `ban`.
        k: how many continuations; slots V, if there are not more.
        length_power: exponent of the length normalization.
    Returns:
        words: (N, k) the words to add.
        parents: (N, k) the slots that they are added to.
        scores, lengths, done: (N, k) after that.
    """
    N, slots, V = log_p.shape

    # log p of all words, of every candidate: log p(words, word) = log p(words) + log p(word | words). (N, slots, V).
    total = scores[:, :, None] + log_p

    # How long each candidate is: a word longer than its slot, unless that is finished. All V of a slot are alike.
    longer = np.where(done, lengths, lengths + 1)

    # What they compete by. (-inf, which is impossible, stays -inf.)
    rank = total / longer[:, :, None] ** length_power

    # An image's candidates compete whatever slot they come from: one row of slots V of them, number slot V + word. An
    # ascending sort of -rank has the best first.
    numbers = np.argsort(-rank.reshape(N, slots * V), axis=1, kind="stable")[:, :k]
    parents = numbers // V
    words = numbers % V

    # What goes on is the score, not the rank: the rank will be made anew of a longer sum and a greater length.
    images = np.arange(N)[:, None]
    new_scores = total[images, parents, words]
    new_lengths = longer[images, parents]
    new_done = words == END
    return words, parents, new_scores, new_lengths, new_done


def beam_search(decoder, params, a, k, max_words, length_power=1.0):
    """Find the best caption of each image by log p / length ** length_power; length counts words and <end>.

    <unk> and <start> are never written, <end> never first, and nothing but <end> after max_words. Log-probabilities are
    summed in float64.

    Args:
        decoder: a decoders.Writer, or an object with begin(params, a), step(params, state, words), select(state, rows).
        params: arrays by name.
        a: (N, L, D) annotations.
        k: beam width.
        max_words: words of the longest caption, without <end>.
        length_power: exponent of the length normalization.
    Returns:
        N Captions.
    Raises:
        ValueError: k or max_words is below 1.
    """
    if k < 1 or max_words < 1:
        raise ValueError(f"beam search needs k and max_words of at least 1, not {k} and {max_words}")

    # One empty caption an image. (With k equal ones, all k would go on alike, and the search would be greedy.)
    N, slots = len(a), 1
    state = decoder.begin(params, a)
    words = np.full((N, slots), START)
    scores = np.zeros((N, slots))  # log 1
    lengths = np.zeros((N, slots), int)
    done = np.zeros((N, slots), bool)

    history = []
    best = [(-np.inf, 0, 0) for _ in range(N)]  # of each image: rank, step, slot; any finished caption is better
    for t in range(max_words + 1):
        # The decoder works on rows: image 0's slots, then image 1's, and so on.
        logits, alpha, beta, state = decoder.step(params, state, words.ravel())
        log_p = softmax.log_softmax(logits.astype(np.float64)).reshape(N, slots, -1)
        search.ban(log_p, first=t == 0, last=t == max_words, done=done)

        done_before, slots_before = done, slots
        words, parents, scores, lengths, done = extend(scores, lengths, done_before, log_p, k, length_power)
        slots = words.shape[1]

        # alpha and beta belong to the slots before, for it is with them that the decoder looked for the next word.
        alpha = alpha.reshape(N, slots_before, -1)
        beta = beta.reshape(N, slots_before)
        history.append(search.Step(words, parents, scores, alpha, beta))

        # A finished caption may lose its slot later to a beginning that only looks better yet: so the best is noted.
        best = search.note_finished(best, t, words, parents, done_before, scores, lengths, length_power)

        # A slot goes on from its parent's state.
        first_rows = slots_before * np.arange(N)[:, None]
        state = decoder.select(state, (first_rows + parents).ravel())

        # Where every slot is finished or impossible, all further steps would only repeat <end>.
        if np.all(done | (scores == -np.inf)):
            break
    return [search.read_back(history, n, best[n]) for n in range(N)]
