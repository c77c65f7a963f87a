"""Beam search"""

from typing import NamedTuple

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search

FACTS = Facts(difficulty=3, minutes=90, builds_on=(4,), chapter="beam_search")

INTRO = """\
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
"""

IMPORTS = """\
import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search
from numpy_sat.layers import softmax"""

L = 4


class Rows(NamedTuple):
    """The state of a Table: the place of each row."""

    place: np.ndarray


class Table:
    """A decoder with a table of places: each has logits, and a next place for every word. Image n starts at place n."""

    def __init__(self, rng, places, V, end=0.0):
        self.logits = (1.5 * rng.standard_normal((places, V))).astype(np.float32)
        self.logits[:, END] += end
        self.next = rng.integers(places, size=(places, V))
        self.alpha = rng.dirichlet(np.ones(L), places)
        self.beta = rng.random(places)

    def __repr__(self):
        return "decoder"

    def begin(self, params, a):
        return Rows(np.arange(len(a)))

    def step(self, params, state, words):
        """Move each row to the next place of its word; <start> leaves it at its place."""
        place = np.where(words == START, state.place, self.next[state.place, words])
        return self.logits[place], self.alpha[place], self.beta[place], Rows(place)

    def select(self, state, rows):
        return Rows(state.place[rows])


def dogs():
    """Return the decoder of the lesson's example; words 3 to 7 are one, two, dog, cat, dogs."""
    table = Table(np.random.default_rng(0), 4, 8)
    p = np.full((4, 8), 1e-12)
    p[0, [3, 4]] = 0.6, 0.4
    p[1, [5, 6, END]] = 0.4, 0.3, 0.3
    p[2, [7, END]] = 0.9, 0.1
    p[3, END] = 1
    table.logits = np.log(p).astype(np.float32)
    table.next = np.full((4, 8), 3)
    table.next[0, [3, 4]] = 1, 2
    return table


def _scores(rng, N, slots, V, banned=True, none_done=False):
    """Return arguments of `extend` in the middle of a search, except k and length_power."""
    done = rng.random((N, slots)) < (0 if none_done else 0.4)
    log_p = np.log(rng.dirichlet(np.ones(V), (N, slots)))
    if banned:
        search.ban(log_p, False, False, done)
    lengths = rng.integers(2, 7, (N, slots))
    return {"scores": -2.0 * lengths * rng.random((N, slots)), "lengths": lengths, "done": done, "log_p": log_p}


def extend_cases(rng):
    """Return cases with different lengths, finished captions, many words, and fewer than k (possible) candidates."""
    few = _scores(rng, 2, 1, 8, none_done=True)
    search.ban(few["log_p"], True, False, few["done"])
    return [
        {**_scores(rng, 4, 3, 7), "k": 5, "length_power": 1.0},
        {**_scores(rng, 3, 4, 250), "k": 400, "length_power": 0.6},
        {**few, "k": 6, "length_power": 0.0},
        {**_scores(rng, 2, 2, 5, banned=False, none_done=True), "k": 20, "length_power": 1.0},
    ]


def drive_extend(extend, case):
    """Return the results of extend; impossible continuations have no order, so only their scores remain."""
    results = extend(**case)
    if not isinstance(results, tuple) or len(results) != 5 or np.shape(results[2]) != np.shape(results[0]):
        return results
    words, parents, scores, lengths, done = results
    possible = ~np.isneginf(scores)
    return words * possible, parents * possible, scores, lengths * possible, done & possible


def search_cases(rng):
    """Return cases of wide and narrow beams, with and without length normalization, and the lesson's example.

    Words and steps are few, because a search that does not select has V ** steps slots. With the decoders of these
    seeds, a search that ignores length, or that loses finished captions, gives other results.
    """

    def case(decoder, N, k, max_words, length_power=1.0):
        model = {"decoder": decoder, "params": {}, "a": np.zeros((N, L, 1))}
        return {**model, "k": k, "max_words": max_words, "length_power": length_power}

    return [
        case(Table(rng, 12, 7), 5, 3, 4),
        case(Table(np.random.default_rng(59), 12, 7, end=1.0), 7, 3, 4, length_power=2.0),
        case(Table(np.random.default_rng(361), 12, 7, end=-2.0), 6, 2, 4, length_power=0.5),
        case(Table(np.random.default_rng(9), 12, 7), 1, 3, 5),  # a longer caption wins after others have ended
        case(dogs(), 1, 2, 4),
        case(dogs(), 1, 1, 4),
        case(Table(rng, 12, 7, end=-3.0), 3, 60, 3, length_power=0.0),
        case(Table(rng, 12, 7, end=3.0), 4, 3, 4),
        case(Table(np.random.default_rng(2), 12, 7, end=-3.0), 3, 60, 3, length_power=0.0),
        case(Table(np.random.default_rng(21), 12, 7), 5, 3, 4),
    ]


def drive_search(beam_search, case):
    """Return words, log p, attention maps and gates of the captions, in arrays that are -1 after each caption's end."""
    captions, steps = beam_search(**case), case["max_words"] + 1
    words, gates = np.full((len(captions), steps), -1), np.full((len(captions), steps), -1.0)
    maps = np.full((len(captions), steps, L), -1.0)
    for n, caption in enumerate(captions):
        words[n, : len(caption.words)] = caption.words
        maps[n, : len(caption.alpha)] = caption.alpha
        gates[n, : len(caption.beta)] = caption.beta
    return words, np.array([caption.log_p for caption in captions]), maps, gates


REFUSED = {"decoder": dogs(), "params": {}, "a": np.zeros((1, L, 1))}

NUMBERS = "parents, words = top // V, top % V"
EXTEND_MISTAKES = (
    Mistake(
        NUMBERS,
        "S = scores.shape[1]; parents, words = top % S, top // S",
        "read as word * slots + slot, but a candidate's number is slot * V + word: number // V, number % V",
    ),
    Mistake(NUMBERS, "parents, words = top % V, top // V", "slot = number // V and word = number % V are exchanged"),
    Mistake(NUMBERS, f"S = scores.shape[1]; {NUMBERS.replace('V', 'S')}", "divided by the number of slots, not by V"),
    Mistake(
        "words == END",
        "np.take_along_axis(done, parents, axis=1)",
        "done of the parent alone: a caption is done when its new word is <end>",
    ),
    Mistake(
        "words == END",
        "np.take_along_axis(done, parents, axis=1) & (words == END)",
        "a caption is done when its new word is <end>, also if its parent was not",
    ),
    Mistake(
        "top // V, top % V",
        "np.minimum(top // scores.shape[1], scores.shape[1] - 1), top % V",
        "the parent is top // V: each slot has V continuations",
    ),
    Mistake("lengths + ~done", "lengths + 1", "a finished caption does not grow: its length stays"),
    Mistake(
        "top = np.take_along_axis(top, order, axis=1)",
        "pass",
        "the k best are right, but they are not sorted best first",
    ),
    Mistake(
        "np.argsort(-np.take", "np.argsort(np.take", "the k best are right, but the best one comes last, not first"
    ),
)

ONE_SLOT = """\
    words, scores = np.full((N, 1), START), np.zeros((N, 1))
    lengths = np.zeros((N, 1), int)
    done = np.zeros((N, 1), bool)
"""
LOGITS = "softmax.log_softmax(logits.astype(np.float64))"
BAN_LINE = "\n        ban(log_p, first=t == 0, last=t == max_words, done=done)"
BAN = ".reshape(*words.shape, -1)" + BAN_LINE
TUPLE = ".reshape((*words.shape, -1))"  # the same result, but makes log_p the first statement that differs

ENDED = "if (done | np.isneginf(scores)).all():"
SEARCH_MISTAKES = (
    Mistake("first=t == 0", "first=True", "<end> is banned at every step: `first` is True at t = 0 only"),
    Mistake(
        "last=t == max_words", "last=False", "captions of more than max_words words are not ended: see `last` of ban"
    ),
    Mistake(
        ONE_SLOT,
        ONE_SLOT.replace("(N, 1)", "(N, k)") + "    state = decoder.select(state, np.repeat(np.arange(N), k))\n",
        "k equal slots at first, which all continue alike: there must be one slot",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + (parents if t == 0 else np.arange(parents.shape[1])))",
        "the states stay where they are: each slot must continue from its parent's state",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* k + parents)",
        "k where the number of slots before the step belongs: at first it is 1",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + np.minimum(np.arange(parents.shape[1]), shape[1] - 1))",
        "each slot continues from its own state, not from its parent's",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + np.arange(parents.shape[1]) % shape[1])",
        "each slot continues from its own state, not from its parent's",
    ),
    Mistake(ENDED, "if done[:, 0].all():", "it stops when the best slots are finished: a longer caption may still win"),
    Mistake(ENDED, "if done.any(axis=1).all():", "it stops when each image has one caption: others may be better"),
    Mistake(LOGITS, "logits.astype(np.float64)", "logits are not log probabilities: use log_softmax"),
    Mistake(LOGITS, "softmax.softmax_forward(logits.astype(np.float64))[0]", "p where log p belongs"),
    Mistake("logits.astype(np.float64)", "logits", "log p is computed in float32: logits.astype(np.float64) first"),
    Mistake(
        BAN,
        TUPLE + BAN_LINE.replace("last=t == max_words", "last=False"),
        "the last step allows only <end>: last=t == max_words",
    ),
    Mistake(
        BAN, TUPLE + BAN_LINE.replace("first=t == 0", "first=False"), "the first word is never <end>: first=t == 0"
    ),
    Mistake(BAN, TUPLE, "ban has not changed this log_p"),
    Mistake("words.ravel())", "np.full(words.size, START))", "the decoder reads <start> each time, not the last words"),
    Mistake("beta, state = decoder.step", "beta, _ = decoder.step", "the state that step returns is lost"),
    Mistake("parents, done, scores", "parents, done_now, scores", "note_finished takes the `done` before this step"),
    Mistake(
        "done = done_now",
        "done = done_now | False\n        if (done | np.isneginf(scores)).any():\n            break",
        "it stops as soon as one caption is finished: all must be",
    ),
    Mistake(
        "best[n])", "(0.0, len(history) - 1, 0))", "the best caption at the end; best[n] may be an earlier, better one"
    ),
)

TASKS = (
    Task(
        search,
        "extend",
        extend_cases,
        ("words", "parents", "scores", "lengths", "done"),
        {
            "total": "total = the slot's score + log p of the word: log p of all words so far",
            "new_lengths": "the length is one more than the slot's; a finished caption keeps its length",
            "rank": "rank = total / length ** length_power",
            "k": "k candidates, or all slots V if there are fewer",
            "top": "the k candidates of highest rank of each image, the best first",
            "order": "the best first",
            "parents": "parent = number // V, where number = slot V + word",
            "words": "word = number % V, where number = slot V + word",
            "scores": "score = the candidate's total, log p so far; the rank is for comparing only",
            "top_lengths": "the length of the selected candidate, <end> counted",
            "lengths": "the length of the selected candidate, <end> counted",
            "done": "done = True where the word is <end>",
        },
        drive_extend,
        single=False,
        mistakes=EXTEND_MISTAKES,
    ),
    Task(
        search,
        "beam_search",
        search_cases,
        ("caption", "caption_log_p", "maps", "gates"),
        {
            "caption": "the words of the finished caption of highest rank",
            "caption_log_p": "log p = the sum over words and <end> of log p(word | the words before), in float64",
            "maps": "alpha belongs to the parent's slot: Step holds (N, slots before, L) and the parents",
            "gates": "beta belongs to the parent's slot: Step holds (N, slots before) and the parents",
            "words": "the decoder takes words (N, slots) as rows, n * slots + slot; at first <start>",
            "scores": "scores, log p so far, are 0 at first, (N, 1)",
            "lengths": "lengths are 0 at first, (N, 1)",
            "done": "False at first, then from extend, until all are True; note_finished takes the done before it",
            "t": "max_words steps for words and one for the last <end>",
            "logits": "logits, alpha, beta, state = step(params, state, words): all are rows",
            "log_p": "log_softmax(logits in float64), (N, slots, V); then ban: first at t = 0, last at t = max_words",
            "parents": "words, parents, scores, lengths, done = extend(...), from the results of the step before",
            "shape": "the number of slots before this step: 1 at first, then k",
            "history": "a Step for each step: words, parents, scores after it, alpha and beta of the slots before",
            "best": "best of each image: (rank, step, slot), (-inf, 0, 0) at first; note_finished compares",
            "state": "select the parents' states: row n * (slots before) + parent",
            "return 0": "read_back(history, n, best[n]) of each image n",
        },
        drive_search,
        refused=({**REFUSED, "k": 0, "max_words": 3}, {**REFUSED, "k": 2, "max_words": 0}),
        single=False,
        mistakes=SEARCH_MISTAKES,
    ),
)

HINTS = {
    "extend": (
        "An image's slots compete with each other. Do you need the best along V, or along slots and V together?",
        "total = score + log p;  rank = total / length ** length_power;  number = slot V + word",
        "scores, lengths and done are (N, slots); log_p, total and rank are (N, slots, V), as (N, slots V). The "
        "results are (N, k); k may be larger than slots V, and then they are (N, slots V).",
        "Reshape to (N, slots * V); np.argsort(-rank, axis=1)[:, :k] are the numbers. number // V is the parent, "
        "number % V the word, and np.take_along_axis(total, numbers, axis=1) are the scores.",
    ),
    "beam_search": (
        "After extend, slot 0 may continue the former slot 2. What else must move with it before the next step?",
        "state <- select(state, row n * (slots before) + parent);  Step's alpha and beta are those of the slots before",
        "words, scores, lengths and done are (N, slots), at first (N, 1) and then (N, k). The decoder's words are (N "
        "slots,), its logits (N slots, V), as (N, slots, V) for extend.",
        "state = decoder.select(state, (np.arange(N)[:, None] * slots + parents).ravel()), with the slots before "
        "extend. step takes words.ravel(); reshape its logits to (N, slots, V).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    log_p = np.full((1, 2, 8), -np.inf)  # after "one" and after "two"
    log_p[0, 0, [5, 6, END]], log_p[0, 1, [7, END]] = np.log([0.4, 0.3, 0.3]), np.log([0.9, 0.1])
    slots = {"scores": np.log([[0.6, 0.4]]), "lengths": np.ones((1, 2), int), "done": np.zeros((1, 2), bool)}
    search_case = {"decoder": dogs(), "params": {}, "a": np.zeros((1, L, 1)), "max_words": 4}
    return [
        Example("extend", {**slots, "log_p": log_p, "k": 2, "length_power": 0.0}),
        Example("beam_search", {**search_case, "k": 1}),
        Example("beam_search", {**search_case, "k": 2}),
    ]
