"""Self-critical training"""

from typing import NamedTuple

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoding import sampling
from numpy_sat.layers import policy
from solutions import ex26_self_critical as by_hand

FACTS = Facts(difficulty=3, minutes=90, builds_on=(27, 30), chapter="hard_attention")

INTRO = """\
Goal            Train a model on its own captions. Cross-entropy trains it on the words of reference captions. But it is
                evaluated on whole captions that it writes itself, by CIDEr-D. This score has no derivative, and needs
                none (Rennie et al. 2017): captions that score above the model's greedy caption become likelier.

Equations       J  = sum over captions y of p(y) r(y)             a number: the expected score of a sampled caption
                dJ = mean over samples y of (r(y) - b) d log p(y), for any b, since the mean of d log p(y) is 0
                loss = - mean over the B captions of (r_b - b_b) (sum over words of log p)        a number
                at a sampled word:  d log p / d logits = onehot - p       (V,)   onehot: 1 at that word, 0 elsewhere

Worked example  Captions of one word, p = [.5, .3, .2], r = [0, 1, 3]:
                J = 0.9   gradient = [-.45, .03, .42]          by the softmax's backward, p_k (r_k - J)
                With b = 1, the samples give (onehot - p)(r - b): [-.5, .3, .2] for word 0, 0 for word 1, [-1, -.6, 1.6]
                for word 2. Their mean, weighted by p, is the gradient. Find the same with b = 0. Which variance is
                larger? What can a model learn when all samples score as high as the greedy caption? Which word does the
                uniform number 0.8 sample? And 0.6?

Your task       1. advantage: r - b of B captions, where b is the score of the greedy caption of the same image. Trap:
                   captions 0, 1, 2 belong to image 0, then 3, 4, 5 to image 1.
                2. policy_forward: compute the loss. Trap: the minus turns the maximum into a minimum.
                3. policy_backward: compute dlogits. Trap: 0 at padding.
                4. draw: sample captions, word by word. Divide a line into pieces of the lengths p_k, in float64. The
                   word is the piece that the uniform number falls into. Trap: rounding may end the line below 1. So
                   multiply the number by the last end. Row t of uniforms is for the words at t. A caption ends with
                   END, which is part of it, or after T words. Stop when all have ended.

Given           The cache PolicyCache(likelihood, weights) is packed and unpacked for you. likelihood is the cache of
                losses.cross_entropy_forward(logits, words, mask): logits, log_sum, words, mask and 0.0, with log p_k =
                logits_k - log_sum. decoder: begin(params, a) returns a state of N rows; select(state, rows) returns
                these rows, which may repeat; step(params, state, words) returns logits, two other results and the next
                state. The first words are START.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.layers import losses, softmax
from numpy_sat.layers.policy import PolicyCache"""


def advantage_cases(rng):
    """Return cases of several captions per image, of one, and of as many as there are images."""
    return [
        {"of_drawn": 3 * rng.random(N * each), "of_greedy": 3 * rng.random(N)} for N, each in ((2, 3), (4, 1), (3, 3))
    ]


def policy_cases(rng):
    """Return captions of different lengths, with repeated words, an r - b of 0, and logits that are far apart."""
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
    """The state of a Table: the place of each row."""

    place: np.ndarray


class Table:
    """A decoder with a table of places: each has logits, and a next place for every word. Image n starts at place n."""

    def __init__(self, rng, logits):
        self.logits = logits
        self.next = rng.integers(len(logits), size=logits.shape)

    def __repr__(self):
        return "decoder"

    def begin(self, params, a):
        return Rows(np.arange(len(a)))

    def step(self, params, state, words):
        """Move each row to the next place of its word; <start> leaves it at its place."""
        place = np.where(words == START, state.place, self.next[state.place, words])
        return self.logits[place], None, None, Rows(place)

    def select(self, state, rows):
        return Rows(state.place[rows])


def draw_cases(rng):
    """Return captions that end early, late or after T words, and uniform numbers on and near the edges of words."""

    def case(logits, N, uniforms):
        return {"decoder": Table(rng, logits), "params": {}, "a": np.zeros((N, 4, 3)), "uniforms": uniforms}

    def logits(V, end):
        return (1.5 * rng.standard_normal((9, V)) + end * (np.arange(V) == END)).astype(np.float32)

    p = rng.dirichlet(np.ones(300))
    long = np.tile(np.log(p), (2, 1)).astype(np.float32)
    ends = np.exp(long[0].astype(np.float64)).cumsum()
    near = ends[[40, 90, 150, 200, 250, 290]] / ends[-1] + 1e-9 * np.array([1, -1, 1, -1, 1, -1])
    return [
        case(logits(7, 1.0), 2, rng.random((6, 6))),
        case(logits(5, 3.0), 4, rng.random((4, 4))),
        case(logits(6, -9.0), 3, rng.random((3, 9))),
        case(np.tile(np.log([0.5, 0.25, 0.25]), (2, 1)), 1, np.array([[0.5, 0.75, 0.0], [0.25, 0.5, 0.5]])),
        case(np.zeros((2, 10)), 1, np.full((1, 1), 1 - 2.0**-53)),
        case(long, 2, near[None]),
    ]


def drive_draw(draw, case):
    """Return the captions in an array, (B, T), that is -1 after the end of each."""
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
        "the rows take turns, as with np.tile, but an image's captions are side by side: np.repeat",
    ),
    Mistake(ADVANTAGE, "of_greedy.mean()", "the mean of all greedy captions: each image has its own b"),
    Mistake(ADVANTAGE, "of_drawn.mean()", "the mean of the sampled captions where the greedy caption's score belongs"),
    Mistake(f"of_drawn - {ADVANTAGE}", "of_drawn.copy()", "the score alone: subtract the score of the greedy caption"),
    Mistake(
        f"of_drawn - {ADVANTAGE}",
        f"np.maximum(of_drawn - {ADVANTAGE}, 0)",
        "captions that did worse are left out: they must become less likely",
    ),
    Mistake(
        f"of_drawn - {ADVANTAGE}",
        f"np.sign(of_drawn - {ADVANTAGE})",
        "the sign alone where the difference of the scores belongs",
    ),
)

FORWARD_MISTAKES = (  # of the solution's text
    Mistake(
        "-(weights * caption_log_p)", "(weights * caption_log_p)", "the minus is missing: training minimizes the loss"
    ),
    Mistake("weights * caption_log_p", "caption_log_p", "the factor r - b is missing"),
    Mistake(
        "word_log_p = (at_word - likelihood.log_sum) * mask",
        "word_log_p = (at_word - likelihood.log_sum)",
        "padding is counted: the mask is missing",
    ),
    Mistake(
        "word_log_p.sum(axis=0)",
        "word_log_p.sum(axis=0) / mask.sum(axis=0)",
        "the mean log p of a word where the sum over words, log p of the caption, belongs",
    ),
    Mistake("at_word - likelihood.log_sum", "at_word", "logits are not log probabilities: subtract log_sum"),
    Mistake(".mean()", ".sum()", "the sum over captions where their mean belongs"),
    Mistake(
        "(weights * caption_log_p).mean()",
        "(weights * caption_log_p).sum() / mask.sum()",
        "the mean over words where the mean over captions belongs",
    ),
    Mistake("weights * caption_log_p", "weights * np.exp(caption_log_p)", "p(y) where log p(y) belongs"),
)

BACKWARD_MISTAKES = (  # of the solution's text
    Mistake(
        "word_gradient = p - onehot",
        "word_gradient = onehot - p",
        "the sign: onehot - p is the gradient of log p; the loss has - log p, with p - onehot",
    ),
    Mistake("word_gradient = p - onehot", "word_gradient = p", "the 1 at the sampled word is not subtracted"),
    Mistake("word_gradient = p - onehot", "word_gradient = -onehot", "p, the gradient of log_sum, is missing"),
    Mistake(
        "word_gradient = p - onehot",
        "word_gradient = onehot * (p - 1)",
        "only the word that was sampled has a gradient: log p depends on all logits",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.full_like(weights, dloss / B)",
        "the factor r - b is missing",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.abs(weights) * dloss / B",
        "the sign of r - b is lost: captions that did worse must become less likely",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss",
        "the division by B is missing: the loss is a mean over captions",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss / mask.sum()",
        "divided by the number of words, but the loss is a mean over captions",
    ),
    Mistake("caption_weights = weights * dloss / B", "caption_weights = weights / B", "the factor dloss is missing"),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = weights * dloss / mask.sum(axis=0)",
        "divided by the caption's own number of words, but the loss is a mean over captions",
    ),
    Mistake(
        "caption_weights = weights * dloss / B",
        "caption_weights = np.maximum(weights * dloss / B, 0)",
        "captions that did worse are left out: they must become less likely",
    ),
    Mistake(
        "word_gradient * (mask * caption_weights)[..., None]",
        "word_gradient * caption_weights[:, None]",
        "padding has a gradient: the mask is missing",
    ),
    Mistake("np.exp(logits - log_sum[..., None])", "np.exp(logits)", "p is exp(logits - log_sum), not exp(logits)"),
)

SAMPLED = "(upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)"
PROBABILITIES = "p, _ = softmax.softmax_forward(logits.astype(np.float64))"
DRAW_MISTAKES = (
    Mistake(SAMPLED, "p.argmax(axis=1)", "the likeliest word where the one that the uniform number samples belongs"),
    Mistake(SAMPLED, f"{SAMPLED} - 1", "one word too few: count the words before it, the first has the number 0"),
    Mistake(
        SAMPLED,
        "(upto < (uniforms_t * upto[:, -1])[:, None]).sum(axis=1)",
        "a number at the end of a piece falls into the next one: use <=",
    ),
    Mistake(
        SAMPLED,
        "(p <= uniforms_t[:, None]).sum(axis=1)",
        "p itself is compared where the sums up to each word belong",
    ),
    Mistake(
        SAMPLED,
        "(upto <= uniforms_t[:, None]).sum(axis=1)",
        "the uniform number is not multiplied by the end of the last piece",
    ),
    Mistake(
        SAMPLED, "(uniforms_t * p.shape[1]).astype(int)", "all words are equally likely: their probabilities are p"
    ),
    Mistake(
        SAMPLED,
        "(upto <= (uniforms_t[:1] * upto[:, -1])[:, None]).sum(axis=1)",
        "one number for all captions: each has its own column of uniforms",
    ),
    Mistake(
        PROBABILITIES, "p, _ = softmax.softmax_forward(logits)", "p is float32: use logits.astype(np.float64) first"
    ),
    Mistake(
        "for uniforms_t in uniforms:",
        "for uniforms_t in uniforms * 0 + uniforms[0]:",
        "the same numbers for every word: row t is for the words at t",
    ),
    Mistake(
        "np.repeat(np.arange(len(a)), B // len(a))",
        "np.tile(np.arange(len(a)), B // len(a))",
        "the rows take turns, as with np.tile, but an image's captions are side by side: np.repeat",
    ),
    Mistake("_, _, state = decoder.step", "_, _, _ = decoder.step", "the state that step returns is lost"),
    Mistake(
        "decoder.step(params, state, words)",
        "decoder.step(params, state, np.full(B, START))",
        "the decoder reads START each time, not the last words",
    ),
    Mistake(
        "np.flatnonzero(~done):",
        "np.flatnonzero(~done & (words != END)):",
        "END is left out: it is part of the caption",
    ),
    Mistake("for b in np.flatnonzero(~done):", "for b in range(B):", "captions continue after their END"),
    Mistake("if done.all():", "if done.any():", "it stops when one caption has ended: all must have ended"),
)

TASKS = (
    Task(
        policy,
        "advantage",
        advantage_cases,
        ("weights",),
        {
            "weights": "r - b = the score of the sampled caption minus that of the greedy caption of its image",
            "return 0": "r - b = the score of the sampled caption minus that of the greedy caption of its image",
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
            "at_word": "at_word = the logit of the sampled word",
            "word_log_p": "word_log_p = the word's logit - log_sum; 0 at padding",
            "caption_log_p": "caption_log_p = log p(y), the sum over words of word_log_p",
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
            "dlogits": "dlogits = (r - b) (p - onehot) dloss / B at every sampled word, 0 at padding",
            "B": "B = the number of captions: mask is (T, B)",
            "p": "p_k = exp(logits_k - log_sum)",
            "onehot": "onehot = 1 at the sampled word, 0 elsewhere",
            "word_gradient": "word_gradient = p - onehot, the gradient of - log p at the logits",
            "caption_weights": "caption_weights = (r - b) dloss / B, the weight of a caption in the loss",
        },
        mistakes=BACKWARD_MISTAKES,
        twin=by_hand.policy_backward,
    ),
    Task(
        sampling,
        "draw",
        draw_cases,
        ("words_of_captions",),
        {
            "words_of_captions": "a caption's sampled words; END last, or T words without it",
            "B": "B = the number of captions, the columns of uniforms",
            "state": "at first row n of decoder.begin for each of image n's B / N captions; then the result of step",
            "words": "words: START at first; then the first k at which p_0 + ... + p_k exceeds number times sum",
            "captions": "captions: empty at first; append each word, also END, and nothing after it",
            "done": "a caption is done when its word is END, and stays done",
            "uniforms_t": "a row of uniforms for each word: at most T words",
            "logits": "logits, _, _, state = decoder.step(params, state, the words before)",
            "p": "p = softmax(logits in float64)",
            "upto": "upto_k = p_0 + ... + p_k of each caption",
            "b": "append the word to each caption b that is not done",
            "return 0": "B lists of integers",
        },
        drive_draw,
        single=False,
        mistakes=DRAW_MISTAKES,
    ),
)

HINTS = {
    "advantage": (
        "Six captions are sampled for two images, and two are greedy. With which greedy one is the fourth compared?",
        "weights_b = of_drawn_b - of_greedy_n, where n is the image of caption b, b // (B / N)",
        "of_drawn is (B,), of_greedy is (N,): each of its numbers belongs to B / N captions side by side.",
        "np.repeat(of_greedy, len(of_drawn) // len(of_greedy)) has one number for each caption; np.tile has another "
        "order.",
    ),
    "policy_forward": (
        "Which captions must become likelier, and which less likely? Which sign must r - b have in a loss?",
        "loss = - (1 / B) sum over b of weights_b sum over t of mask_tb (logits at the word - log_sum_tb)",
        "logits is (T, B, V). words, mask and log_sum are (T, B). A caption's log p and weights are (B,): T is summed "
        "over. loss is one number.",
        "_, likelihood = losses.cross_entropy_forward(logits, words, mask) has log_sum; np.take_along_axis(logits, "
        "words[..., None], axis=-1)[..., 0] are the words' logits.",
    ),
    "policy_backward": (
        "A sampled caption is worse than the greedy caption. How must the logits of its words change, and the others?",
        "dlogits_tbk = (p_tbk - onehot_tbk) mask_tb weights_b dloss / B",
        "dlogits, p and onehot are (T, B, V). mask is (T, B), weights is (B,), broadcast over T. Their product needs "
        "a new last axis, (T, B, 1).",
        "p = np.exp(logits - log_sum[..., None]); subtract 1 at likelihood.targets; multiply by (mask * weights * "
        "dloss / B)[..., None].",
    ),
    "draw": (
        "What must the decoder read before it can predict the next word?",
        "word = the number of k with p_0 + ... + p_k <= uniform number times (p_0 + ... + p_last)",
        "uniforms is (T, B), so a step has B uniform numbers. logits, p and upto are (B, V), words is (B,). The "
        "decoder's state has N rows after begin, B after select.",
        "upto = p.cumsum(axis=1); words = (upto <= (uniforms_t * upto[:, -1])[:, None]).sum(axis=1). The first state "
        "is decoder.select(decoder.begin(params, a), np.repeat(np.arange(N), B // N)).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    p, r = np.array([0.5, 0.3, 0.2]), np.array([0.0, 1, 3])
    logits = np.repeat(np.log(p)[None, None], 3, axis=1)
    captions = {"logits": logits, "words": np.array([[0, 1, 2]]), "mask": np.ones((1, 3))}
    examples = []
    for b in (1, 0):
        examples.append(Example("advantage", {"of_drawn": r, "of_greedy": np.array([float(b)])}))
        _, cache = policy.policy_forward(**captions, weights=r - b)
        examples.append(Example("policy_forward", {**captions, "weights": r - b}))
        examples.append(Example("policy_backward", {"dloss": 1.0, "cache": cache}))
    decoder = Table(np.random.default_rng(0), np.log(p)[None])
    uniforms = {"params": {}, "a": np.zeros((1, 1, 1)), "uniforms": np.array([[0.8, 0.6]])}
    return [*examples, Example("draw", {"decoder": decoder, **uniforms})]
