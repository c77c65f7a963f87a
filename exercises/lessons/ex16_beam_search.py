"""Beam search"""

from typing import NamedTuple

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search

INTRO = """\
To learn: the likeliest caption need not start with the likeliest word. Greedy search takes the best word each time,
and cannot go back. Beam search keeps the k best beginnings of a caption, and all their continuations compete.

    log p of a caption = sum over its words and <end> of log p(word | the words before)
    rank of a caption  = log p / length ** length_power         length counts the words, and <end> if it is written

Every word costs something, so by log p alone (length_power 0) short captions win; the mean a word (1) is fairer.

Predict before you run. First word: "one" 0.6, "two" 0.4. After "one": dog 0.4, cat 0.3, <end> 0.3; after "two": dogs
0.9, <end> 0.1; after dog, cat or dogs: <end> 1.
  1. What does greedy search find, and with which p? What does k = 2 find, and which beginnings does it keep before?
  2. One caption has 2 words, another 4. With <end>, each step of the first has p 0.5, each of the second 0.6. Which
     one wins with length_power 0, and which with 1?
(1: greedy "one dog", 0.24; k = 2 "two dogs", 0.36. 2: with 0 the first, for 0.5^3 = 0.125 > 0.6^5 = 0.078. With 1?)

extend is one step, for N images at once. An image has slots, a beginning in each, and each has V ways on: slots V
candidates, number slot * V + word. The k of highest rank are kept, best first: word; parent, the slot it goes on
from; score, which is log p so far, not the rank; length; done, which is whether its word is <end>. What was done
before grows no longer: its one way on is another <end>, which costs nothing and is not counted.

beam_search starts with one slot an image, <start>. Each step: decoder.step; softmax.log_softmax of the logits, in
float64; search.ban, which changes log_p in place to what may be written; extend; search.note_finished, which keeps
each image's best finished caption as (rank, step, slot), at first (-inf, 0, 0); decoder.select. To the decoder all
are rows: slot s of image n is row n * slots + s, in what it takes and in what it gives. A search.Step of every step
goes into the history, through which search.read_back at the end follows the parents back from each image's best.
There are at most max_words + 1 steps, for <end> comes last; nothing is left to do where all captions are done or
impossible (score -inf).

From search you may use ban, note_finished, read_back and Step."""

IMPORTS = """\
import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import search
from numpy_sat.layers import softmax"""

L = 4


class Rows(NamedTuple):
    """The state of a Table: which of its places each row is at."""

    place: np.ndarray


class Table:
    """A decoder of places: each has its logits, and says where a word leads from there. Image n starts at place n."""

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
        """Words lead on from where the rows are, but for <start>."""
        place = np.where(words == START, state.place, self.next[state.place, words])
        return self.logits[place], self.alpha[place], self.beta[place], Rows(place)

    def select(self, state, rows):
        return Rows(state.place[rows])


def dogs():
    """The decoder of the lesson, with words 3 to 7: one, two, dog, cat, dogs."""
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
    """Arguments of `extend` in the middle of a search, but for k and length_power."""
    done = rng.random((N, slots)) < (0 if none_done else 0.4)
    log_p = np.log(rng.dirichlet(np.ones(V), (N, slots)))
    if banned:
        search.ban(log_p, False, False, done)
    lengths = rng.integers(2, 7, (N, slots))
    return {"scores": -2.0 * lengths * rng.random((N, slots)), "lengths": lengths, "done": done, "log_p": log_p}


def extend_cases(rng):
    """Captions of unlike lengths, some finished; many words; fewer ways on than are asked for, possible or at all."""
    few = _scores(rng, 2, 1, 8, none_done=True)
    search.ban(few["log_p"], True, False, few["done"])
    return [
        {**_scores(rng, 4, 3, 7), "k": 5, "length_power": 1.0},
        {**_scores(rng, 3, 4, 250), "k": 400, "length_power": 0.6},
        {**few, "k": 6, "length_power": 0.0},
        {**_scores(rng, 2, 2, 5, banned=False, none_done=True), "k": 20, "length_power": 1.0},
    ]


def drive_extend(extend, case):
    """What is returned; of continuations that are impossible, in no order, the scores only."""
    found = extend(**case)
    if not isinstance(found, tuple) or len(found) != 5 or np.shape(found[2]) != np.shape(found[0]):
        return found
    words, parents, scores, lengths, done = found
    possible = ~np.isneginf(scores)
    return words * possible, parents * possible, scores, lengths * possible, done & possible


def search_cases(rng):
    """Wide and narrow, with and without length, ended early and late; the decoder of the lesson, and one beam.

    Few words and steps: a search that forgets to choose has V ** steps slots. The seeds: with these decoders it shows
    whether length counts within the search, and whether finished captions keep their slots.
    """

    def case(decoder, N, k, max_words, length_power=1.0):
        fixed = {"decoder": decoder, "params": {}, "a": np.zeros((N, L, 1))}
        return {**fixed, "k": k, "max_words": max_words, "length_power": length_power}

    return [
        case(Table(rng, 12, 7), 5, 3, 4),
        case(Table(np.random.default_rng(59), 12, 7, end=1.0), 7, 3, 4, length_power=2.0),
        case(Table(np.random.default_rng(361), 12, 7, end=-2.0), 6, 2, 4, length_power=0.5),
        case(Table(np.random.default_rng(9), 12, 7), 1, 3, 5),  # a longer caption wins after others have ended
        case(dogs(), 1, 2, 4),
        case(dogs(), 1, 1, 4),
        case(Table(rng, 12, 7, end=-3.0), 3, 60, 3, length_power=0.0),
        case(Table(rng, 12, 7, end=3.0), 4, 3, 4),
    ]


def drive_search(beam_search, case):
    """Words, log p, attention and gates of the captions found, in arrays that are -1 after each caption's end."""
    captions, steps = beam_search(**case), case["max_words"] + 1
    words, gates = np.full((len(captions), steps), -1), np.full((len(captions), steps), -1.0)
    maps = np.full((len(captions), steps, L), -1.0)
    for n, caption in enumerate(captions):
        words[n, : len(caption.words)] = caption.words
        maps[n, : len(caption.alpha)] = caption.alpha
        gates[n, : len(caption.beta)] = caption.beta
    return words, np.array([caption.log_p for caption in captions]), maps, gates


REFUSED = {"decoder": dogs(), "params": {}, "a": np.zeros((1, L, 1))}

EXTEND_MISTAKES = (
    Mistake(
        "top // V, top % V",
        "np.minimum(chosen // scores.shape[1], scores.shape[1] - 1), top % V",
        "the parent is top // V: each slot has V ways on",
    ),
    Mistake("lengths + ~done", "lengths + 1", "a finished caption grows no longer: its length stays"),
    Mistake("top = np.take_along_axis(top, order, axis=1)", "pass", "the k best are there, but not the best first"),
)

ONE_SLOT = """\
    words, scores = np.full((N, 1), START), np.zeros((N, 1))
    lengths = np.zeros((N, 1), int)
    done = np.zeros((N, 1), bool)
"""
LOGITS = "softmax.log_softmax(logits.astype(np.float64))"
BAN_LINE = "\n        ban(log_p, first=t == 0, last=t == max_words, done=done)"
BAN = ".reshape(*words.shape, -1)" + BAN_LINE
TUPLE = ".reshape((*words.shape, -1))"  # the same, but log_p is then the first statement that is another

ENDED = "if (done | np.isneginf(scores)).all():"
SEARCH_MISTAKES = (
    Mistake(
        ONE_SLOT,
        ONE_SLOT.replace("(N, 1)", "(N, k)") + "    state = decoder.select(state, np.repeat(np.arange(N), k))\n",
        "k equal slots at first, which all go on alike: there must be one",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + (parents if t == 0 else np.arange(parents.shape[1])))",
        "the states stay where they are: each slot goes on from its parent's",
    ),
    Mistake("* shape[1] + parents)", "* k + parents)", "k where the slots before belong: at first there is one"),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + np.minimum(np.arange(parents.shape[1]), shape[1] - 1))",
        "each slot goes on from its own state: it must be its parent's",
    ),
    Mistake(
        "* shape[1] + parents)",
        "* shape[1] + np.arange(parents.shape[1]) % shape[1])",
        "each slot goes on from its own state: it must be its parent's",
    ),
    Mistake(ENDED, "if done[:, 0].all():", "it ends when the best slots have: a longer caption may still overtake"),
    Mistake(ENDED, "if done.any(axis=1).all():", "it ends when each image has one caption: others may be better"),
    Mistake(LOGITS, "logits.astype(np.float64)", "logits are not log probabilities: log_softmax"),
    Mistake(LOGITS, "softmax.softmax_forward(logits.astype(np.float64))[0]", "p in place of log p"),
    Mistake("logits.astype(np.float64)", "logits", "the logarithms are of float32: logits.astype(np.float64) first"),
    Mistake(
        BAN,
        TUPLE + BAN_LINE.replace("last=t == max_words", "last=False"),
        "the last step has only <end>: last=t == max_words",
    ),
    Mistake(
        BAN, TUPLE + BAN_LINE.replace("first=t == 0", "first=False"), "the first word is never <end>: first=t == 0"
    ),
    Mistake(BAN, TUPLE, "ban has not changed this log_p"),
    Mistake(
        "words.ravel())", "np.full(words.size, START))", "the decoder is given <start> each time, not the last words"
    ),
    Mistake("beta, state = decoder.step", "beta, _ = decoder.step", "the state that step returns is not kept"),
    Mistake(
        "parents, done, scores", "parents, done_now, scores", "note_finished asks which were finished before this step"
    ),
    Mistake(
        "done = done_now",
        "done = done_now | False\n        if (done | np.isneginf(scores)).any():\n            break",
        "it stops as soon as one caption is finished: all must be",
    ),
    Mistake(
        "best[n])", "(0.0, len(history) - 1, 0))", "the best at the end; best[n] knows an earlier one that is better"
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
            "new_lengths": "the length is one more than the slot's; of a finished caption the same",
            "rank": "rank = total / length ** length_power",
            "k": "k ways on, or all slots V where there are fewer",
            "top": "the k candidates of highest rank of each image, the best first",
            "order": "the best first",
            "parents": "parent = the slot: of number slot V + word, how often V goes into it",
            "words": "word: of number slot V + word, the rest on division by V",
            "scores": "score = the candidate's total, log p so far; the rank is for comparing only",
            "top_lengths": "the length of the caption that was gone on with, <end> counted",
            "lengths": "the length of the caption that was gone on with, <end> counted",
            "done": "done = its word is <end>",
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
            "caption": "the words of the finished caption of highest rank that was found",
            "caption_log_p": "log p = the sum over words and <end> of log p(word | the words before), in float64",
            "maps": "alpha belongs to the slot that was gone on from: Step keeps (N, slots before, L) and the parents",
            "gates": "beta belongs to the slot that was gone on from: Step keeps (N, slots before) and the parents",
            "words": "words (N, slots) go into the decoder as rows, n * slots + slot; at first <start>",
            "scores": "scores, log p so far, are 0 at first, (N, 1)",
            "lengths": "lengths are 0 at first, (N, 1)",
            "done": "nothing is done at first; then as extend says, until all are; note_finished takes the done before",
            "t": "max_words steps for words and one for the last <end>",
            "logits": "logits, alpha, beta, state = step(params, state, words): all are rows",
            "log_p": "log_softmax(logits in float64), (N, slots, V); then ban: first at t = 0, last at t = max_words",
            "parents": "words, parents, scores, lengths, done = extend(...), from what extend gave the step before",
            "shape": "the slots that there were before this step: 1 at first, then k",
            "history": "a Step for each step: words, parents, scores after it, alpha and beta of the slots before",
            "best": "best of each image: (rank, step, slot), (-inf, 0, 0) at first; note_finished compares",
            "state": "the parents' states go on: row n * (slots before) + parent",
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
        "An image's slots compete with each other. So are the best sought along V, or along slots and V together?",
        "total = score + log p;  rank = total / length ** length_power;  number = slot V + word",
        "Reshape to (N, slots * V); np.argsort(-rank, axis=1)[:, :k] are the numbers, // V and % V of them the parents "
        "and words; np.take_along_axis(total, numbers, axis=1) the scores.",
    ),
    "beam_search": (
        "After extend, slot 0 may go on from what was slot 2. What else must move with it before the next step?",
        "state <- select(state, row n * (slots before) + parent);  Step's alpha and beta are those of the slots before",
        "state = decoder.select(state, (np.arange(N)[:, None] * slots + parents).ravel()), slots being that of before "
        "extend; step takes words.ravel(), and its logits.reshape(N, slots, V).",
    ),
}
