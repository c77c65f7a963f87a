"""Self-critical training"""

from typing import NamedTuple

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.data.vocabulary import END, START
from numpy_sat.layers import policy
from numpy_sat.training.objectives import self_critical
from solutions import ex26_self_critical as by_hand

INTRO = """\
To learn: how a model learns from its own captions. Cross-entropy asks it to say, word by word, what people said. But
it is judged by whole captions, those that it writes itself, and by a score: CIDEr-D, the n-grams shared with people's
captions, seldom ones counting most. No one can take a derivative of that. Nor need they (Rennie et al. 2017):

    J         = sum over captions y of p(y) r(y), the expected score of a caption drawn from the model, is to grow
    dJ        = sum over y of r(y) dp(y) = sum over y of p(y) r(y) d log p(y), for d log p = dp / p
              = sum over y of p(y) (r(y) - b) d log p(y), for sum over y of p(y) d log p(y) = d 1 = 0
    estimated = (r(y) - b) d log p(y) of a y that is drawn; its mean over draws is dJ, whatever b is
    at the logits of a drawn word  d log p / d logits = onehot - p, onehot being 1 at that word, 0 elsewhere

b is what the greedy caption of the same image scores: who did better is made likelier, who did worse unlikelier.

advantage: r - b of B captions, B / N of each of N images side by side: captions 0, 1, 2 of image 0, then 3, 4, 5
of image 1. One greedy caption an image.

policy_forward: loss = - the mean over captions of (r - b) log p(y); log p(y) is the sum over its words. The minus is
there because training goes downhill. The cache is PolicyCache(likelihood, weights), likelihood being the cache of
losses.cross_entropy_forward(logits, words, mask), which has logits, log_sum and mask: log p_k = logits_k - log_sum.

policy_backward: dlogits, worked out by yourself from that cache.

draw: B captions, y_t from p(y_t | a, y_1..t-1). The decoder has begin(params, a), a state of N rows; select(state,
rows), those rows of it, where a row may come more than once; step(params, state, words), which returns logits, two
things more and the next state. The first words are START. p is the softmax, of logits.astype(np.float64). Which word?
Cut a line into pieces as long as the p: the word is the piece a uniform number falls into. p.cumsum says where pieces
end; rounding may end the last short of 1, so multiply the uniform number by where it ends. uniforms is (T, B): row t
is for the words at t, and each caption has its column. A caption ends with END, which is part of it; it is over after
T words, too. When all have ended, stop.

Predict before you run: one word is all there is to say, p = [.5, .3, .2], r = [0, 1, 3]: J = 0.9, and by the softmax's
backward its gradient is p_k (r_k - J) = [-.45, .03, .42]. With b = 1 the draws give (onehot - p)(r - b): word 0
[-.5, .3, .2], word 1 nothing, word 2 [-1, -.6, 1.6]; their mean, weighed .5, .3, .2, is [-.45, .03, .42]. And with
b = 0: what does each draw give now, what is the mean, and which draws scatter more? What has a model to learn from
when all its draws score as the greedy caption does? And what if all score far below it, as they do while a model is
unsure of itself: what do they teach then, and what with another b, the mean score of the image's other draws, which
`policy.advantage_over_others` takes? Which word does the uniform number 0.8 draw? And 0.6?"""

IMPORTS = """\
import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.layers import losses, softmax
from numpy_sat.layers.policy import PolicyCache"""


def advantage_cases(rng):
    """Several captions an image, one, and as many as there are images."""
    return [
        {"of_drawn": 3 * rng.random(N * each), "of_greedy": 3 * rng.random(N)} for N, each in ((2, 3), (4, 1), (3, 3))
    ]


def policy_cases(rng):
    """Captions of unlike lengths, words that repeat; as many words as captions; r - b that is 0; logits far apart."""
    cases = []
    for lengths, V, scale in [((2, 4, 3), 6, 1), ((3, 1, 2), 3, 1), ((1, 2), 5, 400)]:
        T, B = max(lengths), len(lengths)
        logits, words = scale * rng.standard_normal((T, B, V)), rng.integers(V, size=(T, B))
        mask = (np.arange(T)[:, None] < lengths) * 1.0
        cases.append({"logits": logits, "words": words, "mask": mask, "weights": rng.standard_normal(B)})
    cases[1]["weights"][0] = 0
    return cases


def policy_backward_cases(rng):
    """Return a random dloss for each forward case; a dloss of 1 would hide that it is ignored."""
    caches = [policy.policy_forward(**inputs)[1] for inputs in policy_cases(rng)]
    return [{"dloss": float(rng.uniform(0.5, 3)), "cache": cache} for cache in caches]


class Rows(NamedTuple):
    """The state of a Table: at which of its places each row is."""

    place: np.ndarray


class Table:
    """A decoder of places: each has its logits, and says where a word leads from there. Image n starts at place n."""

    def __init__(self, rng, logits):
        self.logits = logits
        self.next = rng.integers(len(logits), size=logits.shape)

    def __repr__(self):
        return "decoder"

    def begin(self, params, a):
        return Rows(np.arange(len(a)))

    def step(self, params, state, words):
        """Words lead on from where the rows are, but for <start> at the first."""
        place = np.where(words == START, state.place, self.next[state.place, words])
        return self.logits[place], None, None, Rows(place)

    def select(self, state, rows):
        return Rows(state.place[rows])


def draw_cases(rng):
    """Captions that end early and late, or are cut; numbers on the edge of a word, at the end and near an edge."""

    def case(logits, N, uniforms):
        return {"decoder": Table(rng, logits), "params": {}, "a": np.zeros((N, 4, 3)), "uniforms": uniforms}

    def logits(V, end):
        return (1.5 * rng.standard_normal((9, V)) + end * (np.arange(V) == END)).astype(np.float32)

    p = rng.dirichlet(np.ones(300))
    long = np.tile(np.log(p), (2, 1)).astype(np.float32)
    of_long = np.exp(long[0].astype(np.float64)).cumsum()
    near = of_long[[40, 90, 150, 200, 250, 290]] / of_long[-1] + 1e-9 * np.array([1, -1, 1, -1, 1, -1])
    return [
        case(logits(7, 1.0), 2, rng.random((6, 6))),
        case(logits(5, 3.0), 4, rng.random((4, 4))),
        case(logits(6, -9.0), 3, rng.random((3, 9))),
        case(np.tile(np.log([0.5, 0.25, 0.25]), (2, 1)), 1, np.array([[0.5, 0.75, 0.0], [0.25, 0.5, 0.5]])),
        case(np.zeros((2, 10)), 1, np.full((1, 1), 1 - 2.0**-53)),
        case(long, 2, near[None]),
    ]


def drive_draw(draw, case):
    """The captions in an array (B, T) that is -1 after each one's end."""
    T, B = case["uniforms"].shape
    captions = draw(**case)
    words = np.full((B, T), -1)
    for b, caption in enumerate(captions):
        words[b, : len(caption)] = caption
    return words


ADVANTAGE = "np.repeat(of_greedy, len(of_drawn) // len(of_greedy))"
ADVANTAGE_MISTAKES = (
    Mistake(
        ADVANTAGE,
        "np.tile(of_greedy, len(of_drawn) // len(of_greedy))",
        "np.tile, where an image's captions lie side by side: np.repeat",
    ),
    Mistake(ADVANTAGE, "of_greedy.mean()", "the mean of all greedy captions: each image has a b of its own"),
    Mistake(ADVANTAGE, "of_drawn.mean()", "the mean of the drawn captions, where the greedy one's score belongs"),
    Mistake(
        f"of_drawn - {ADVANTAGE}", "of_drawn.copy()", "the score alone: what the greedy caption scores is to come off"
    ),
    Mistake(
        f"of_drawn - {ADVANTAGE}",
        f"np.maximum(of_drawn - {ADVANTAGE}, 0)",
        "what did worse is left out: it must become unlikelier",
    ),
    Mistake(
        f"of_drawn - {ADVANTAGE}",
        f"np.sign(of_drawn - {ADVANTAGE})",
        "the sign alone, where it counts by how much a caption did better",
    ),
)

FORWARD_MISTAKES = (  # of the solution's text
    Mistake("-(weights * caption_log_p)", "(weights * caption_log_p)", "the minus is missing: training goes downhill"),
    Mistake("weights * caption_log_p", "caption_log_p", "r - b is not multiplied by"),
    Mistake(
        "word_log_p = (at_word - likelihood.log_sum) * mask",
        "word_log_p = (at_word - likelihood.log_sum)",
        "padding is counted: the mask is missing",
    ),
    Mistake(
        "word_log_p.sum(axis=0)",
        "word_log_p.sum(axis=0) / mask.sum(axis=0)",
        "the mean log p of a word, where log p of the caption is their sum",
    ),
    Mistake("at_word - likelihood.log_sum", "at_word", "logits are not log probabilities: log_sum is to come off"),
    Mistake(".mean()", ".sum()", "the sum over captions, where their mean belongs"),
    Mistake(
        "(weights * caption_log_p).mean()",
        "(weights * caption_log_p).sum() / mask.sum()",
        "the mean over words, where that over captions belongs",
    ),
    Mistake("weights * caption_log_p", "weights * np.exp(caption_log_p)", "p(y), where log p(y) belongs"),
)

BACKWARD_MISTAKES = (  # of the solution's text
    Mistake(
        "word_gradient = p - onehot",
        "word_gradient = onehot - p",
        "onehot - p: that leads uphill with log p; downhill is p - onehot",
    ),
    Mistake("word_gradient = p - onehot", "word_gradient = p", "the 1 at the word that was drawn is not taken off"),
    Mistake("word_gradient = p - onehot", "word_gradient = -onehot", "p is missing: the normaliser has a slope, too"),
    Mistake(
        "word_gradient = p - onehot",
        "word_gradient = onehot * (p - 1)",
        "only the word that was drawn gets something: all logits have a part in log p",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.full_like(weights, dloss / B)",
        "r - b is not multiplied by",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.abs(weights) * dloss / B",
        "what did worse must become unlikelier: r - b has a sign",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss",
        "the division by B is missing: the loss is a mean over captions",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss / mask.sum()",
        "divided by the words, where the loss is a mean over captions",
    ),
    Mistake("caption_weights = weights * dloss / B", "caption_weights = weights / B", "dloss is not multiplied by"),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss / mask.sum(axis=0)",
        "divided by the caption's own words, where the loss is a mean over captions",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.maximum(weights * dloss / B, 0)",
        "what did worse is left out: it must become unlikelier",
    ),
    Mistake(
        "word_gradient * (mask * caption_weights)[..., None]",
        "word_gradient * caption_weights[:, None]",
        "padding gets gradient: the mask is missing",
    ),
    Mistake("np.exp(logits - log_sum[..., None])", "np.exp(logits)", "p is exp(logits - log_sum), not exp(logits)"),
)

DRAWN = "(upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)"
PROBABILITIES = "p, _ = softmax.softmax_forward(logits.astype(np.float64))"
DRAW_MISTAKES = (
    Mistake(DRAWN, "p.argmax(axis=1)", "the likeliest word, where one is drawn by the uniform number"),
    Mistake(DRAWN, f"{DRAWN} - 1", "one word too few: so many lie before it, and the first is 0"),
    Mistake(
        DRAWN,
        "(upto < (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)",
        "a number on the end of a piece falls into the next one: <=",
    ),
    Mistake(
        DRAWN,
        "(p <= uniforms_t[:, None]).sum(axis=1)",
        "p itself is compared, where the sums up to each word belong",
    ),
    Mistake(
        DRAWN,
        "(upto <= uniforms_t[:, None]).sum(axis=1)",
        "the uniform number is not multiplied by where the last piece ends",
    ),
    Mistake(DRAWN, "(uniforms_t * p.shape[1]).astype(int)", "every word alike, where each is as likely as its p"),
    Mistake(
        DRAWN,
        "(upto <= (uniforms_t[:1] * upto[:, -1])[:, None]).sum(axis=1)",
        "one number for all captions: each has its column",
    ),
    Mistake(
        PROBABILITIES, "p, _ = softmax.softmax_forward(logits)", "p is of float32: logits.astype(np.float64) first"
    ),
    Mistake(
        "for uniforms_t in uniforms:",
        "for uniforms_t in uniforms * 0 + uniforms[0]:",
        "the same numbers for every word: row t is for the words at t",
    ),
    Mistake(
        "np.repeat(np.arange(len(a)), B // len(a))",
        "np.tile(np.arange(len(a)), B // len(a))",
        "np.tile, where an image's captions lie side by side: np.repeat",
    ),
    Mistake("_, _, state = decoder.step", "_, _, _ = decoder.step", "the state that step returns is not kept"),
    Mistake(
        "decoder.step(params, state, words)",
        "decoder.step(params, state, np.full(B, START))",
        "the decoder is given START each time, not the last words",
    ),
    Mistake(
        "np.flatnonzero(~done):",
        "np.flatnonzero(~done & (words != END)):",
        "END is left out: it is part of the caption",
    ),
    Mistake("for b in np.flatnonzero(~done):", "for b in range(B):", "captions go on after their END"),
    Mistake("if done.all():", "if done.any():", "it stops as soon as one caption has ended: all must have"),
)

TASKS = (
    Task(
        policy,
        "advantage",
        advantage_cases,
        ("weights",),
        {
            "weights": "r - b = the score of the drawn caption less that of the greedy caption of its image",
            "return 0": "r - b = the score of the drawn caption less that of the greedy caption of its image",
        },
        mistakes=ADVANTAGE_MISTAKES,
    ),
    Task(
        policy,
        "policy_forward",
        policy_cases,
        ("loss", "cache"),
        {
            "loss": "loss = - the mean over captions of (r - b) log p(y)",
            "cache": "PolicyCache(likelihood, weights): the cache of losses.cross_entropy_forward, and r - b",
            "likelihood": "likelihood = the cache of losses.cross_entropy_forward(logits, words, mask)",
            "at_word": "at_word = the logit of the word that was drawn",
            "word_log_p": "log p of a word = its logit - log_sum; 0 at padding",
            "caption_log_p": "log p(y) = the sum over words of their log p",
        },
        mistakes=FORWARD_MISTAKES,
        twin=by_hand.policy_forward,
    ),
    Task(
        policy,
        "policy_backward",
        policy_backward_cases,
        ("dlogits",),
        {
            "dlogits": "dlogits = (r - b) (p - onehot) dloss / B of every word that was drawn, 0 at padding",
            "B": "B = the number of captions: mask is (T, B)",
            "p": "p_k = exp(logits_k - log_sum)",
            "onehot": "onehot = 1 at the word that was drawn, 0 elsewhere",
            "word_gradient": "of - log p the slope at the logits is p - onehot",
            "caption_weights": "a caption counts (r - b) dloss / B times",
        },
        mistakes=BACKWARD_MISTAKES,
        twin=by_hand.policy_backward,
    ),
    Task(
        self_critical,
        "draw",
        draw_cases,
        ("words_of_captions",),
        {
            "words_of_captions": "a caption's words, one drawn after the other; END last, or T words without it",
            "B": "B = as many captions as uniforms has columns",
            "state": "at first row n of decoder.begin for each of image n's B / N captions; then what step returns",
            "words": "words: START at first; then the first k at which p_0 + ... + p_k exceeds number times sum",
            "captions": "captions: at first none has a word; each word is appended, END too, and nothing after it",
            "done": "a caption is done when its word is END; it stays so",
            "uniforms_t": "a row of uniforms for each word: T words at most",
            "logits": "logits, _, _, state = decoder.step(params, state, the words before)",
            "p": "p = softmax(logits in float64)",
            "upto": "upto_k = p_0 + ... + p_k of each caption",
            "b": "of captions that are not done yet the word is kept",
            "return 0": "B lists of integers",
        },
        drive_draw,
        single=False,
        mistakes=DRAW_MISTAKES,
    ),
)

HINTS = {
    "advantage": (
        "Six captions were drawn of two images, and two are greedy. With which of these is the fourth one compared?",
        "weights_b = of_drawn_b - of_greedy_n, n being the image of caption b, which is b // (B / N)",
        "np.repeat(of_greedy, len(of_drawn) // len(of_greedy)) has one number for each caption; np.tile another order.",
    ),
    "policy_forward": (
        "Which captions are to become likelier, and which unlikelier? What must be the sign of r - b in a loss?",
        "loss = - (1 / B) sum over b of weights_b sum over t of mask_tb (logits at the word - log_sum_tb)",
        "_, likelihood = losses.cross_entropy_forward(logits, words, mask) has log_sum; np.take_along_axis(logits, "
        "words[..., None], axis=-1)[..., 0] are the words' logits.",
    ),
    "policy_backward": (
        "A word was drawn that did worse than the greedy caption. What is to happen to its logit, and to the others?",
        "dlogits_tbk = (p_tbk - onehot_tbk) mask_tb weights_b dloss / B",
        "p = np.exp(logits - log_sum[..., None]); take 1 off at likelihood.targets; times (mask * weights * dloss / B)"
        "[..., None].",
    ),
    "draw": (
        "What must the decoder be told of a word that was drawn, before it can say anything of the next?",
        "word = the number of k with p_0 + ... + p_k <= uniform number times (p_0 + ... + p_last)",
        "upto = p.cumsum(axis=1); words = (upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1). The state begins "
        "as decoder.select(decoder.begin(params, a), np.repeat(np.arange(N), B // N)).",
    ),
}
