"""Beam search for the most probable captions of a decoder. k = 1 is greedy decoding."""

from typing import NamedTuple

import numpy as np

from numpy_sat import captioner, decoders
from numpy_sat.data import batches
from numpy_sat.data.vocabulary import END, START, UNK
from numpy_sat.decoding import repetition
from numpy_sat.experiment.recipe import Recipe
from numpy_sat.layers import softmax
from numpy_sat.system import ranks


class Caption(NamedTuple):
    """The caption of one image, T words with <end>."""

    words: tuple  # T - 1 integers, without <end>
    log_p: float  # log-probability of the words and <end>, nats
    alpha: np.ndarray  # (T, L) attention weights while each word was written
    beta: np.ndarray  # (T,) gates


class Step(NamedTuple):
    """One step of all beams. Each of N images has k slots, one per candidate caption."""

    words: np.ndarray  # (N, k) new words; a finished caption repeats <end>
    parents: np.ndarray  # (N, k) slots of the captions to which they are added
    scores: np.ndarray  # (N, k) log-probabilities so far
    alpha: np.ndarray  # (N, slots before the step, L) attention weights
    beta: np.ndarray  # (N, slots before the step) gates


def caption_images(
    params: dict[str, np.ndarray],
    config: Recipe,
    images: np.ndarray,
    beam: int,
    max_words: int,
    length_power: float = 1.0,
    size: int = 64,
    stems: np.ndarray | None = None,
) -> list[Caption]:
    """Caption images by beam search. The ranks of a group share the batches.

    Args:
        params: arrays by name.
        config: the recipe.
        images: (N, ...) model inputs, as inputs.load returns them.
        beam: beam width.
        max_words: maximum number of words without <end>.
        length_power: exponent of the length normalization, see beam_search.
        size: batch size.
        stems: from repetition.stems_of; None to let captions repeat content words.
    Returns:
        N Captions.
    """
    decoder, group = repetition.restricted(decoders.writer(config), stems), ranks.current()
    captions = []
    for start in group.part(range(0, len(images), size)):
        a = captioner.annotate(params, batches.scale_pixels(images[start : start + size]), config)
        captions.append(search(decoder, params, a, beam, max_words, length_power))
    return [caption for batch in group.merged(captions) for caption in batch]


def search(decoder, params, a, k, max_words, length_power=1.0):
    """Search captions by beam_search. A decoder with `rank` chooses them from lists of finished captions."""
    if not decoder.rank:
        return beam_search(decoder, params, a, k, max_words, length_power)
    lists = m_best(decoder, params, a, k, max_words)
    return [captions[position] for captions, position in zip(lists, decoder.rank(params, a, lists), strict=True)]


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
    N = len(a)
    state = decoder.begin(params, a)
    words, scores = np.full((N, 1), START), np.zeros((N, 1))
    lengths = np.zeros((N, 1), int)
    done = np.zeros((N, 1), bool)
    history, best = [], [(-np.inf, 0, 0)] * N  # best: score / length ** length_power, step, slot of each image
    for t in range(max_words + 1):
        logits, alpha, beta, state = decoder.step(params, state, words.ravel())
        log_p = softmax.log_softmax(logits.astype(np.float64)).reshape(*words.shape, -1)
        ban(log_p, first=t == 0, last=t == max_words, done=done)
        words, parents, scores, lengths, done_now = extend(scores, lengths, done, log_p, k, length_power)
        shape = (N, done.shape[1])
        history.append(Step(words, parents, scores, alpha.reshape(*shape, -1), beta.reshape(shape)))
        best = note_finished(best, t, words, parents, done, scores, lengths, length_power)
        done = done_now
        state = decoder.select(state, (np.arange(N)[:, None] * shape[1] + parents).ravel())
        if (done | np.isneginf(scores)).all():
            break
    return [read_back(history, n, best[n]) for n in range(N)]


def ban(log_p, first, last, done):
    """Set the log-probability of forbidden words to -inf, in place. Finished captions continue with <end> at no cost.

    Args:
        log_p: (N, slots, V) log-probabilities of the next word.
        first: True for the first word, which cannot be <end>.
        last: True for the word after max_words, which must be <end>.
        done: (N, slots) which captions are finished.
    """
    log_p[..., [START, UNK]] = -np.inf
    if first:
        log_p[..., END] = -np.inf
    if last:
        log_p[..., :END] = log_p[..., END + 1 :] = -np.inf
    log_p[done] = -np.inf
    log_p[done, END] = 0


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
    N, _, V = log_p.shape
    total = (scores[..., None] + log_p).reshape(N, -1)
    new_lengths = lengths + ~done
    rank = total / np.repeat(new_lengths, V, axis=1) ** length_power
    k = min(k, rank.shape[1])
    top = np.argpartition(-rank, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(rank, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    parents, words = top // V, top % V
    top_lengths = np.take_along_axis(new_lengths, parents, axis=1)
    return words, parents, np.take_along_axis(total, top, axis=1), top_lengths, words == END


def note_finished(best, t, words, parents, done_before, scores, lengths, length_power):
    """Update the best finished caption of each image. A finished caption may later lose its slot to another caption.

    Args:
        best: for each of N images, (log p / length ** length_power, step, slot) before this step.
        t: number of this step.
        words, parents, scores, lengths: (N, k) as `extend` returns them.
        done_before: (N, slots before this step) which captions were finished before this step.
        length_power: exponent of the length normalization.
    Returns:
        best after this step; the earlier of two equal captions.
    """
    new = (words == END) & ~np.take_along_axis(done_before, parents, axis=1) & ~np.isneginf(scores)
    rank = np.where(new, scores / lengths**length_power, -np.inf)
    slots = rank.argmax(axis=1)
    return [
        max(old, (rank[n, slot], t, slot), key=lambda entry: entry[0])
        for n, (old, slot) in enumerate(zip(best, slots, strict=True))
    ]


def read_back(history, n, best):
    """Follow the parents from a finished caption back to <start>.

    Args:
        history: a list with the Step of every step.
        n: index of the image.
        best: (score, step, slot) of the image, as `note_finished` returns it.
    Returns:
        The Caption.
    """
    _, t, slot = best
    log_p = float(history[t].scores[n, slot])
    words, alphas, betas = [], [], []
    for past in reversed(history[: t + 1]):
        words.append(int(past.words[n, slot]))
        slot = past.parents[n, slot]
        alphas.append(past.alpha[n, slot])
        betas.append(past.beta[n, slot])
    return Caption(tuple(words[:0:-1]), log_p, np.stack(alphas[::-1]), np.array(betas[::-1]))


def m_best(decoder, params, a, k, max_words):
    """Find lists of finished captions (M-best lists).

    A finished caption leaves the beam. The search goes on with the others until each image has k captions. All captions
    of the beam are equally long, so their lengths do not matter.

    Args:
        decoder, params, a, k, max_words: as in beam_search.
    Returns:
        For each image a list of Captions without attention, at least one, in the order in which they were finished.
    """
    N, lists = len(a), [[] for _ in a]
    state = decoder.begin(params, a)
    words, scores = np.full((N, 1), START), np.zeros((N, 1))
    written = np.zeros((N, 1, 0), int)  # the words of each slot so far
    for t in range(max_words + 1):
        logits, _, _, state = decoder.step(params, state, words.ravel())
        log_p = softmax.log_softmax(logits.astype(np.float64)).reshape(*scores.shape, -1)
        lengths, unfinished = np.full(scores.shape, t), np.zeros(scores.shape, bool)
        ban(log_p, first=t == 0, last=t == max_words, done=unfinished)
        words, parents, scores, _, done = extend(scores, lengths, unfinished, log_p, k, length_power=0)
        state = decoder.select(state, (np.arange(N)[:, None] * log_p.shape[1] + parents).ravel())
        written = np.take_along_axis(written, parents[..., None], axis=1)
        for n, slot in np.argwhere(done & ~np.isneginf(scores)):
            caption = tuple(written[n, slot].tolist())
            lists[n].append(Caption(caption, float(scores[n, slot]), np.zeros((t + 1, 0)), np.ones(t + 1)))
        scores[done] = -np.inf
        written = np.concatenate([written, words[..., None]], axis=2)
        if min(map(len, lists)) >= k or np.isneginf(scores).all():
            break
    return lists
