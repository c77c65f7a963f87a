"""Solution 16: Beam search.

Beam search keeps several partial captions of each image, its slots. A slot has a last word, a score (log p of its
words), a length, a flag for finished captions, and the decoder's state. One step extends every slot to V candidates,
each one word longer. The best k candidates of an image are its slots in the next step. The search stores only their
last words and parents. At the end, it reads whole captions back through the parents.

Scores are logarithms: products of probabilities become sums, which do not underflow to 0 in long captions.

Answers to the questions of the page:

k = 2 finds "two dogs", p = 0.36. With length_power 1, the score is the mean of log p over the steps. Then the caption
of 4 words wins, ln 0.6 > ln 0.5.
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
    N, slots, V = log_p.shape

    # log p(words, word) = log p(words) + log p(word | words) of every candidate: (N, slots, V)
    total = scores[:, :, None] + log_p

    # A candidate is one word longer than its slot, unless the slot is finished. All V candidates of a slot have the
    # same length.
    candidate_lengths = np.where(done, lengths, lengths + 1)

    # rank = log p / length ** length_power. Impossible candidates keep a rank of -inf.
    rank = total / candidate_lengths[:, :, None] ** length_power

    # The candidates of all slots of an image compete: one row of slots V numbers, numbered slot V + word. An ascending
    # sort of -rank puts the best first.
    numbers = np.argsort(-rank.reshape(N, slots * V), axis=1, kind="stable")[:, :k]
    parents = numbers // V
    words = numbers % V

    # Keep the score, not the rank. The next step computes the rank again from a longer sum and a larger length.
    images = np.arange(N)[:, None]
    new_scores = total[images, parents, words]
    new_lengths = candidate_lengths[images, parents]
    new_done = words == END
    return words, parents, new_scores, new_lengths, new_done


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
    if k < 1 or max_words < 1:
        raise ValueError(f"beam search needs k and max_words of at least 1, not {k} and {max_words}")

    # Begin with one empty caption for each image. With k equal ones, all k would get the same words.
    N, slots = len(a), 1
    state = decoder.begin(params, a)
    words = np.full((N, slots), START)
    scores = np.zeros((N, slots))  # log 1
    lengths = np.zeros((N, slots), int)
    done = np.zeros((N, slots), bool)

    history = []
    best = [(-np.inf, 0, 0) for _ in range(N)]  # rank, step, slot of each image; any finished caption is better
    for t in range(max_words + 1):
        # The decoder works on rows: first the slots of image 0, then those of image 1, and so on.
        logits, alpha, beta, state = decoder.step(params, state, words.ravel())
        log_p = softmax.log_softmax(logits.astype(np.float64)).reshape(N, slots, -1)
        search.ban(log_p, first=t == 0, last=t == max_words, done=done)

        done_before, slots_before = done, slots
        words, parents, scores, lengths, done = extend(scores, lengths, done_before, log_p, k, length_power)
        slots = words.shape[1]

        # alpha and beta belong to the slots before the extension, which the decoder used to predict the next word.
        alpha = alpha.reshape(N, slots_before, -1)
        beta = beta.reshape(N, slots_before)
        history.append(search.Step(words, parents, scores, alpha, beta))

        # A finished caption may lose its slot to a partial caption with a higher rank. So record the best finished one.
        best = search.note_finished(best, t, words, parents, done_before, scores, lengths, length_power)

        # A slot continues from its parent's state.
        first_rows = slots_before * np.arange(N)[:, None]
        state = decoder.select(state, (first_rows + parents).ravel())

        # If every slot is finished or impossible, further steps would only repeat <end>.
        if np.all(done | (scores == -np.inf)):
            break
    return [search.read_back(history, n, best[n]) for n in range(N)]
