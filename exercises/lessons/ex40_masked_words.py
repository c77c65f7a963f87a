"""Hidden words"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from exercises.lessons.dice import drive
from numpy_sat.decoders import masking
from numpy_sat.layers import masked_words
from solutions import ex40_masked_words as by_hand

FACTS = Facts(difficulty=2, minutes=50, builds_on=(4, 27), chapter="attention_to_transformers")

INTRO = """\
Goal            Train a model to fill gaps, as BERT does (Devlin et al. 2018). A model that predicts the next word may
                see the words before it only. A model that predicts hidden words may use both sides. VLP (Zhou et al.
                2020) trains a captioner in this way.

Equations       count  = rate times the words of the caption, rounded, at least 1 and at most MOST = 3     (B,)
                choice: the count words of each caption with the smallest uniform numbers                  (T, B)
                kind   = another uniform number for each place                                             (T, B)
                hidden = [MASK] at a chosen word if kind < 0.8; another word if 0.8 <= kind < 0.9; else the word itself
                loss   = mean over the C chosen words of - log p(word), p = softmax(logits)                a number
                dlogits = dloss (p - onehot) / C at the chosen words, 0 elsewhere    onehot: 1 at the word, else 0

Worked example  A caption of five words, rate 0.4, so count = 2:
                uniform = [0.7, 0.2, 0.9, 0.4, 0.1]   choice = [0, 1, 0, 0, 1]
                Three chosen words of a vocabulary of V = 5 words, where the number 5 is [MASK]:
                words = [3, 4, 3]   kind = [0.5, 0.85, 0.95]   others = [4, 3, 4]   hidden = [5, 3, 3]
                Two chosen words of three, for which p is [1/2, 1/4, 1/4] and [1/8, 3/4, 1/8], with the targets 0 and 1:
                loss = 0.4904, half of ln 2 + ln(4/3). At the first of them, dlogits is [-1/4, 1/8, 1/8].
                1. Find choice for the rate 0.15, and how many words are chosen of 30 words.
                2. Find hidden for kind = [0.8, 0.97, 0.05]
                   Find dlogits at the second chosen word and at the word that is not chosen.
                3. Why do some chosen words stay, and why does the loss count them, but not the other words?

Your task       1. choose: call rng.random(real.shape) once, and return the choice. Trap: padding is never chosen.
                2. hide: call rng.random(words.shape), then rng.integers(len(SPECIALS), V, words.shape) for the other
                   words. Call each once, in this order, so that the check can compare.
                3. masked_words_forward: compute the loss. Trap: it is a mean over chosen words, not over captions.
                4. masked_words_backward: compute dlogits.

Given           MOST is 3, MASKED is 0.8, REPLACED is 0.1. Words below len(SPECIALS) are <start>, <end> and <unk>.
                np.rint(x) rounds. x.argsort(axis=0).argsort(axis=0) gives each number its rank in its column.
                softmax.log_softmax(x) uses the last axis. x[choice] are the rows of x at the chosen places, (C, ...).
                The cache MaskedWordsCache(log_p, targets, choice), with log_p: (C, V), is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.data.vocabulary import SPECIALS
from numpy_sat.decoders.masking import MASKED, MOST, REPLACED
from numpy_sat.layers import softmax
from numpy_sat.layers.masked_words import MaskedWordsCache"""

CAPTIONS = [((1, 2, 5, 8, 12, 9, 7), 0.25), ((4, 4, 4), 0.5), ((20, 3), 0.15), ((6, 1, 6), 1.0)]  # words of each, rate
PLACES = [((6, 5), 9, 0.5), ((4, 4), 5, 0.8), ((9, 3), 40, 0.3)]  # shape, V, share of chosen words
LOGITS = [(5, 3, 4), (3, 3, 3), (2, 4, 6), (1, 1, 5)]  # T, B, V


def choose_cases(rng):
    """Return captions of several lengths."""
    cases = []
    for lengths, rate in CAPTIONS:
        real = (np.arange(max(lengths))[:, None] < lengths).astype(float)
        cases.append({"seed": int(rng.integers(1000)), "real": real, "rate": rate})
    return cases


def hide_cases(rng):
    """Return random words and choices."""
    cases = []
    for shape, V, share in PLACES:
        words, choice = rng.integers(0, V, shape), rng.random(shape) < share
        cases.append({"seed": int(rng.integers(1000)), "words": words, "choice": choice, "V": V})
    return cases


def forward_cases(rng):
    """Return random logits, with at least one chosen word."""
    cases = []
    for T, B, V in LOGITS:
        choice = rng.random((T, B)) < 0.5
        choice[-1, -1] = True
        cases.append(
            {"logits": 2 * rng.standard_normal((T, B, V)), "targets": rng.integers(0, V, (T, B)), "choice": choice}
        )
    return cases


def backward_cases(rng):
    """Return a random gradient for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        _, cache = masked_words.masked_words_forward(**inputs)
        cases.append({"dloss": float(rng.standard_normal()), "cache": cache})
    return cases


DRAWN = "np.where(real > 0, rng.random(real.shape), 2.0)"
COUNT = "np.clip(np.rint(rate * words_of_caption), 1, MOST)"
CHOOSE_MISTAKES = (
    Mistake(DRAWN, "rng.random(real.shape)", "padding may be chosen, too"),
    Mistake(
        DRAWN, "np.where(real > 0, rng.random(real.shape), 0.0)", "padding comes first and is chosen: it must be last"
    ),
    Mistake(DRAWN, "np.where(real > 0, -rng.random(real.shape), 2.0)", "the words with the largest numbers are chosen"),
    Mistake(".argsort(axis=0).argsort(axis=0)", ".argsort(axis=0)", "a single argsort gives places, not ranks"),
    Mistake(
        "return order < count",
        "return (rng.random(real.shape) < rate) & (real > 0)",
        "each word is chosen on its own: the number of chosen words is fixed by the rate",
    ),
    Mistake(COUNT, "np.clip(np.floor(rate * words_of_caption), 1, MOST)", "count is rounded down, not to the nearest"),
    Mistake(
        COUNT,
        "np.clip(np.ceil(rate * words_of_caption), 1, MOST)",
        "count is rounded up, not to the nearest, or not rounded: ranks below 2.25 are 0, 1 and 2",
    ),
    Mistake(COUNT, "np.minimum(np.rint(rate * words_of_caption), MOST)", "at least one word is chosen"),
    Mistake(COUNT, "np.maximum(np.rint(rate * words_of_caption), 1)", "at most MOST words are chosen"),
    Mistake(
        COUNT, "np.clip(np.rint(rate * len(real)), 1, MOST)", "count comes from T, not from the words of the caption"
    ),
    Mistake("order < count", "order <= count", "one word too many: ranks start at 0"),
)

IS_MASK, IS_REPLACED = "choice & (kind < MASKED)", "choice & (kind >= MASKED) & (kind < MASKED + REPLACED)"
HIDE_MISTAKES = (
    Mistake(IS_REPLACED, "choice & (kind >= MASKED)", "no chosen word stays unchanged"),
    Mistake("np.where(is_replaced, others, hidden)", "hidden", "no chosen word becomes another word"),
    Mistake(IS_REPLACED, "choice & (kind < REPLACED)", "the kinds overlap: kind < 0.1 is [MASK] already"),
    Mistake(IS_MASK, "choice", "every chosen word becomes [MASK]"),
    Mistake(IS_MASK, "kind < MASKED", "words that are not chosen become [MASK], too"),
    Mistake(
        IS_REPLACED,
        "(kind >= MASKED) & (kind < MASKED + REPLACED)",
        "words that are not chosen are replaced, too",
    ),
    Mistake(
        "np.where(becomes_mask, V, words)",
        "np.where(becomes_mask, V - 1, words)",
        "V - 1 is a word: the number of [MASK] is V",
    ),
    Mistake(
        "rng.integers(len(SPECIALS), V, words.shape)",
        "rng.integers(0, V, words.shape)",
        "a word may become <start>, <end> or <unk>",
    ),
    Mistake(
        "    kind = rng.random(words.shape)\n    others = rng.integers(len(SPECIALS), V, words.shape)",
        "    others = rng.integers(len(SPECIALS), V, words.shape)\n    kind = rng.random(words.shape)",
        "the other words are drawn before the kinds: the page gives the order",
    ),
)

LOSS = "-log_p[np.arange(len(own)), own].mean()"
FORWARD_MISTAKES = (
    Mistake(LOSS, "-log_p[np.arange(len(own)), own].sum()", "a sum where the mean over the chosen words belongs"),
    Mistake(
        LOSS,
        "-log_p[np.arange(len(own)), own].sum() / targets.shape[1]",
        "a mean over captions where that over the chosen words belongs",
    ),
    Mistake(
        LOSS,
        "-log_p[np.arange(len(own)), own].sum() / targets.size",
        "a mean over all places where that over the chosen words belongs",
    ),
    Mistake(
        LOSS,
        "-np.take_along_axis(softmax.log_softmax(logits), targets[..., None], axis=2).mean()",
        "all words count: those that are not chosen must not",
    ),
    Mistake(
        LOSS,
        "-np.take_along_axis(softmax.log_softmax(logits), targets[..., None], axis=2)[~choice].sum() / len(own)",
        "the loss is that of the words that are not chosen",
    ),
    Mistake("softmax.log_softmax(logits[choice])", "softmax.softmax_forward(logits[choice])[0]", "the log is missing"),
    Mistake("softmax.log_softmax(logits[choice])", "logits[choice]", "logits where log p belongs"),
)

OWN = "difference[np.arange(len(own)), own] -= 1"
SCATTER = "dlogits[choice] = difference * (dloss / len(own))"
BACKWARD_MISTAKES = (
    Mistake(OWN, "pass", "the 1 at the word is not subtracted: the gradient is p - onehot"),
    Mistake(OWN, "difference[:, own] -= 1", "the 1 is subtracted at the words of all rows: each row has one word"),
    Mistake(OWN, "difference[np.arange(len(own)), own] += 1", "the sign of onehot is flipped"),
    Mistake("np.exp(log_p)", "log_p.copy()", "log p where p belongs"),
    Mistake(
        SCATTER, "dlogits[choice] = difference * dloss", "the division by C, the number of chosen words, is missing"
    ),
    Mistake(
        SCATTER,
        "dlogits[choice] = difference * (dloss / targets.shape[1])",
        "divided by the number of captions, not by C, the number of chosen words",
    ),
    Mistake(
        SCATTER,
        "dlogits[choice] = difference * (dloss / targets.size)",
        "divided by the number of places, not by C, the number of chosen words",
    ),
    Mistake(SCATTER, "dlogits[choice] = difference / len(own)", "`dloss` is forgotten"),
)

TASKS = (
    Task(
        masking,
        "choose",
        choose_cases,
        ("choice",),
        {
            "numbers": "numbers: a uniform number for each word, and a larger one at padding",
            "order": "order: the rank of each word's uniform number in its caption; padding comes last",
            "count": "count = rate times the words of the caption, rounded, at least 1 and at most MOST",
            "choice": "the count words with the smallest numbers are chosen",
        },
        drive,
        single=False,
        mistakes=CHOOSE_MISTAKES,
        twin=by_hand.choose,
    ),
    Task(
        masking,
        "hide",
        hide_cases,
        ("tokens",),
        {
            "kind": "kind: a uniform number for each place, which is drawn first",
            "others": "others: random words from len(SPECIALS) to V - 1, drawn second",
            "becomes_mask": "a chosen word becomes [MASK] if kind < MASKED",
            "hidden": "hidden: the number V of [MASK] at these words, and the word itself elsewhere",
            "is_replaced": "a chosen word becomes another word if MASKED <= kind < MASKED + REPLACED",
            "tokens": "tokens: the other word where a chosen word is replaced",
        },
        drive,
        single=False,
        mistakes=HIDE_MISTAKES,
        twin=by_hand.hide,
    ),
    Task(
        masked_words,
        "masked_words_forward",
        forward_cases,
        ("loss", "cache"),
        {
            "log_p": "log p = log softmax(logits) at the C chosen places",
            "own": "the true words at the chosen places",
            "loss": "loss = - sum over the chosen words of log p(word) / C",
            "cache": "the cache is MaskedWordsCache(log_p, targets, choice)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        masked_words,
        "masked_words_backward",
        backward_cases,
        ("dlogits",),
        {
            "difference": "p - onehot at the chosen words",
            "dlogits": "dlogits = (p - onehot) dloss / C at the chosen words, 0 elsewhere",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "choose": (
        "How do ranks of random numbers choose a given number of words? Which rank must padding have?",
        "count = rate times the words of the caption, rounded, at least 1 and at most MOST;  chosen if rank < count",
        "real is (T, B), and so is the choice. real.sum(axis=0) is (B,): the words of each caption.",
        "np.where(real > 0, rng.random(real.shape), 2.0) puts padding last. argsort twice gives the ranks. "
        "np.clip(np.rint(rate * real.sum(axis=0)), 1, MOST) is count.",
    ),
    "hide": (
        "Three things may happen to a chosen word. Which part of the line from 0 to 1 belongs to each?",
        "[MASK] if kind < MASKED;  another word if MASKED <= kind < MASKED + REPLACED;  else the word itself",
        "words, choice, kind, others and the result are (T, B).",
        "Nest np.where twice: the first one puts V where choice & (kind < MASKED). V is the number of [MASK].",
    ),
    "masked_words_forward": (
        "Which rows of the logits does the loss need? By which number is the sum divided?",
        "loss = - sum over the chosen words of log p(word) / C",
        "logits is (T, B, V), logits[choice] is (C, V), targets[choice] is (C,). The loss is a number.",
        "log_p = softmax.log_softmax(logits[choice]); log_p[np.arange(C), targets[choice]] are the C words.",
    ),
    "masked_words_backward": (
        "How does -log p(word) change with one logit? What is the gradient of a logit that the loss never reads?",
        "dlogits = (p - onehot) dloss / C at the chosen words, 0 elsewhere",
        "log_p and p are (C, V). dlogits is (T, B, V), and dlogits[choice] is (C, V).",
        "p = np.exp(log_p); p[np.arange(C), targets[choice]] -= 1; then dlogits[choice] = p * dloss / C.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    uniforms, real = np.array([[0.7, 0.2, 0.9, 0.4, 0.1]]).T, np.ones((5, 1))
    words, others = np.array([[3, 4, 3]]).T, np.array([[4, 3, 4]]).T
    hide = {"others": others, "words": words, "choice": np.ones((3, 1), bool), "V": 5}
    kinds = (np.array([kind]).T for kind in ([0.5, 0.85, 0.95], [0.8, 0.97, 0.05]))
    logits = np.log([[[2.0, 1, 1]], [[1, 6, 1]], [[1, 1, 1]]])
    choice = np.array([[True], [True], [False]])
    inputs = {"logits": logits, "targets": np.array([[0], [1], [2]]), "choice": choice}
    _, cache = masked_words.masked_words_forward(**inputs)
    return [
        *(Example("choose", {"uniforms": (uniforms,), "real": real, "rate": rate}) for rate in (0.4, 0.15)),
        *(Example("hide", {"uniforms": (kind,), **hide}) for kind in kinds),
        Example("masked_words_forward", inputs),
        Example("masked_words_backward", {"dloss": 1.0, "cache": cache}),
    ]
