"""Hard attention"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import hard_attention

INTRO = """\
To learn: how to learn from a throw of dice. Soft attention takes a little of every location. Hard attention draws
one, s_t ~ Categorical(alpha_t), and looks at it alone: z_t = a at s_t. A draw has no derivative: move alpha a little,
and the same location is drawn. But one sees how the caption went, and can make good draws likelier (REINFORCE).

    (10) L_s = sum over s of p(s | a) log p(y | s, a), at most log p(y | a), is to grow. Its gradient is the mean of
    (12) d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over draws s

The baseline b, what captions usually get, changes nothing of the mean, for the mean of d log p(s | a) is 0; but draws
are then praised for being better than usual, and scatter less. H, the entropy, keeps alpha trying.

draw: cut a line into pieces as long as the alphas. A uniform number falls into one, and that location is drawn; where
the pieces end alpha.cumsum says. Rounding may end them short of 1, so multiply the uniform number by where the last
one ends (in one case here that is 0.9). Returned are the weights of z_t = sum over i of weights_i a_i, and s. Captions
with expected True do not look where s is: their weights are alpha. The cache is DrawCache(expected).

location_log_p: log p(s_t | a) = log alpha at s_t. The forward is there; its cache: LocationLogPCache(alpha, s).

advantage: log p(y | s, a) is the sum of a caption's log p over its words, and all its draws get the same. With to_go
a draw gets the log p of its own word and of those after it, for it has no part in those before; and of b as much as
so many words get, b times their number over the mean number of a caption's words. Words, not padding: see mask.
lambda_r and lambda_e are not yours to multiply by: the gradients that come in, dlog_p and dentropy, have them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, that is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: alpha = [[.2, .5, .3]]. The uniform number 0.6 draws the middle one: weights [[0, 1, 0]].
Which does 0.2 draw? If the first draw is worth dlog_p = [[2]], dalpha is [[[0, 4, 0]]], and through the softmax the
scores get [-0.4, 1, -0.6], which is 2 (weights - alpha). Had the first one been drawn, what would its score get?
A caption's two words have log p = [[-1], [-3]], and b = [-6]: both draws' advantage is 2. What is it with to_go?
(The first one's is -4 + 6 = 2; find the other's.) And where does b move? (To -5.4 - 0.4 = -5.8.)"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache, LocationLogPCache"""

SIZES = [(4, 6, 5), (3, 3, 3), (2, 5, 7)]  # T, B, L
LENGTHS = [(2, 4, 1, 3, 4, 2), (3, 1, 2), (1, 2, 2, 1, 2)]  # of the captions


def draw_cases(rng):
    """Some captions with the expected context, none, and all; alpha that is 0, numbers on an edge, a sum of 0.9."""
    (_, B, L), (_, B1, L1), (_, B2, L2) = SIZES
    edges = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [0.25, 0.0, 0.75]])
    return [
        {"alpha": rng.dirichlet(np.ones(L), B), "uniforms": rng.random(B), "expected": np.arange(B) % 3 == 1},
        {"alpha": edges, "uniforms": np.array([0.5, 0.0, 0.25]), "expected": np.zeros(B1, bool)},
        {"alpha": rng.dirichlet(np.ones(L2), B2), "uniforms": rng.random(B2), "expected": np.ones(B2, bool)},
        {"alpha": np.full((2, L1), 0.9 / L1), "uniforms": np.array([0.62, 0.7]), "expected": np.zeros(2, bool)},
    ]


def draw_backward_cases(rng):
    """Return a random dweights for each forward case."""
    cases = []
    for inputs in draw_cases(rng):
        weights, _, cache = hard_attention.draw_forward(**inputs)
        cases.append({"dweights": rng.standard_normal(weights.shape), "cache": cache})
    return cases


def log_p_cases(rng):
    """A random dlog_p for draws of every size."""
    cases = []
    for T, B, L in SIZES:
        alpha, s = rng.dirichlet(np.ones(L), (T, B)), rng.integers(0, L, (T, B))
        _, cache = hard_attention.location_log_p_forward(alpha, s)
        cases.append({"dlog_p": rng.standard_normal((T, B)), "cache": cache})
    return cases


def captions(rng):
    """(log p of words, mask) for captions of unlike lengths."""
    masks = [(np.arange(T)[:, None] < lengths) * 1.0 for (T, _, _), lengths in zip(SIZES, LENGTHS, strict=True)]
    return [(-rng.exponential(2.0, mask.shape) * mask, mask) for mask in masks]


def advantage_cases(rng):
    """Each with reward-to-go, and all at once."""
    return [
        {"log_p": log_p, "mask": mask, "baseline": rng.normal(-5, 1, 1), "to_go": to_go}
        for log_p, mask in captions(rng)
        for to_go in (True, False)
    ]


def baseline_cases(rng):
    """Captions of unlike lengths."""
    return [{"baseline": rng.normal(-5, 1, 1), "log_p": log_p} for log_p, _ in captions(rng)]


def drive_baseline(function, case):
    """The baseline after two batches, which must be the array that was given; nothing is returned."""
    function(case["baseline"], case["log_p"])
    once = case["baseline"].copy()
    function(case["baseline"], 2 * case["log_p"])
    return once, case["baseline"].copy()


def entropy_cases(rng):
    """Attention at padding as well; some that is exactly 0."""
    cases = [
        {"alpha": rng.dirichlet(np.ones(L), (T, B)), "mask": mask}
        for (T, B, L), (_, mask) in zip(SIZES, captions(rng), strict=True)
    ]
    cases[1]["alpha"][:2, 0] = [[0, 1, 0], [0.5, 0.5, 0]]
    return cases


def entropy_backward_cases(rng):
    """Return a random dentropy for each forward case."""
    forwards = [hard_attention.entropy_forward(**inputs) for inputs in entropy_cases(rng)]
    return [{"dentropy": rng.standard_normal(), "cache": cache} for _, cache in forwards]


UPTO, REACHED = "alpha.cumsum(axis=1)", "(uniforms * upto[:, -1])[:, None]"
DRAWN = f"(upto <= {REACHED}).sum(axis=1)"

DRAW_MISTAKES = (
    Mistake(DRAWN, "alpha.argmax(axis=1)", "the likeliest location, where one is drawn by the uniform number"),
    Mistake(DRAWN, f"(alpha <= {REACHED}).sum(axis=1)", "alpha itself is compared, where the sums up to i belong"),
    Mistake(
        DRAWN, f"(upto <= {REACHED}).argmax(axis=1)", "argmax of what is not reached yet, where its number belongs"
    ),
    Mistake(DRAWN, f"(upto > {REACHED}).sum(axis=1)", "the locations behind are counted, where those before belong"),
    Mistake(DRAWN, f"{DRAWN} - 1", "one location too few: so many lie before it, and the first is 0"),
    Mistake(DRAWN, "(uniforms * L).astype(int)", "every location alike, where each is as likely as its alpha"),
    Mistake(
        DRAWN,
        "np.minimum((upto <= uniforms[:, None]).sum(axis=1), L - 1)",
        "the uniform number is not multiplied by where the last sum ends",
    ),
    Mistake("np.where(expected[:, None], alpha, one_hot)", "one_hot", "`expected` is ignored: all captions draw"),
    Mistake(
        "np.where(expected[:, None], alpha, one_hot)", "one_hot * alpha", "the weight at s is alpha, where 1 belongs"
    ),
)

DRAW_BACKWARD_MISTAKES = (
    Mistake(
        "np.where(cache.expected[:, None], dweights, 0)",
        "dweights.copy()",
        "draws get dweights as if they had a derivative (straight-through): they get 0",
    ),
    Mistake("np.where(cache.expected[:, None], dweights, 0)", "0 * dweights", "the expected context gets dweights"),
)

AT_S = "np.take_along_axis(alpha, s[..., None], axis=-1)"
LOG_P_MISTAKES = (
    Mistake("dlog_p[..., None] / at_s", "dlog_p[..., None]", "the division by alpha is missing: log alpha is derived"),
    Mistake(
        "dlog_p[..., None] / at_s", "dlog_p[..., None] * at_s", "multiplied by alpha, where log's slope is 1 / alpha"
    ),
    Mistake(
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)",
        "dalpha += dlog_p[..., None] / alpha",
        "every location gets something: log p is of alpha at s alone",
    ),
    Mistake(
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)",
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None], axis=-1); dalpha -= dlog_p[..., None] * alpha",
        "that is the gradient of the scores, before the softmax: here alpha's is asked",
    ),
)

TO_GO = "log_p[::-1].cumsum(axis=0)[::-1]"
WORDS = "mask[::-1].cumsum(axis=0)[::-1]"
ADVANTAGE_MISTAKES = (
    Mistake(TO_GO, "log_p.cumsum(axis=0)", "the words up to the draw are summed, where those from it on belong"),
    Mistake(TO_GO, "log_p", "the word's own log p alone: the words after it belong to it, too"),
    Mistake(TO_GO, f"{TO_GO} - log_p", "the words after it, without its own"),
    Mistake("baseline * words / words[0].mean()", "baseline", "all of b, where b for the words that are left belongs"),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / words[0]",
        "divided by the caption's own words, where their mean belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / len(mask)",
        "divided by the longest caption's words, where the mean belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()", "baseline * words", "the division by the mean number of words is missing"
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p, baseline",
        "the word's own log p alone, where the whole caption's belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0) / mask.sum(axis=0), baseline",
        "the mean log p of a word, where the caption's belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0).mean(), baseline",
        "the mean over captions, where each draw is judged by its own",
    ),
)

MOVE = "baseline *= 0.9\n    baseline += 0.1 * log_p.sum(axis=0).mean()"
BASELINE_MISTAKES = (
    Mistake(
        MOVE, "baseline = 0.9 * baseline + 0.1 * log_p.sum(axis=0).mean()", "a new array got the name: use *= and +="
    ),
    Mistake(
        MOVE, "baseline *= 0.1\n    baseline += 0.9 * log_p.sum(axis=0).mean()", "0.9 and 0.1 are in each other's place"
    ),
    Mistake(
        "log_p.sum(axis=0).mean()",
        "log_p.mean()",
        "the mean over words and captions, where a caption's words are summed",
    ),
    Mistake("log_p.sum(axis=0).mean()", "log_p.sum()", "the sum over captions, where their mean belongs"),
)

OF_WORDS = "-(alpha * _log(alpha)).sum(axis=-1)"
SCALE = "mask * (dentropy / mask.shape[1])"
ENTROPY_MISTAKES = (
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "(word_entropy * mask).sum() / mask.sum()",
        "the mean over words, where that over captions belongs",
    ),
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "word_entropy.sum() / mask.shape[1]",
        "`mask` is ignored: padding has no entropy",
    ),
)
ENTROPY_BACKWARD_MISTAKES = (
    Mistake("-(_log(alpha) + 1)", "-_log(alpha)", "the term 1 is missing: alpha log alpha has the slope log alpha + 1"),
    Mistake("-(_log(alpha) + 1)", "-(alpha * _log(alpha))", "the entropy itself, where its slope belongs"),
    Mistake("-(_log(alpha) + 1)", "-1 / alpha", "the slope of log alpha, where that of alpha log alpha belongs"),
)

TASKS = (
    Task(
        hard_attention,
        "draw_forward",
        draw_cases,
        ("weights", "s", "cache"),
        {
            "L": "alpha is (B, L)",
            "upto": "upto_i = alpha_0 + ... + alpha_i",
            "s": "s = the first i with upto_i > uniform * upto_last: so many lie before it as have upto_i <= that",
            "one_hot": "one_hot = 1 at s, 0 elsewhere",
            "weights": "weights = 1 at s, 0 elsewhere; of captions with the expected context alpha",
            "cache": "the cache is DrawCache(expected)",
        },
        mistakes=DRAW_MISTAKES,
    ),
    Task(
        hard_attention,
        "draw_backward",
        draw_backward_cases,
        ("dalpha",),
        {"dalpha": "dalpha = dweights of captions with the expected context; of those that drew 0"},
        mistakes=DRAW_BACKWARD_MISTAKES,
    ),
    Task(
        hard_attention,
        "location_log_p_backward",
        log_p_cases,
        ("dalpha",),
        {
            "at_s": "alpha at s: of every word and caption that of the location drawn, (T, B, 1)",
            "dalpha": "dalpha = dlog_p / alpha at the location that was drawn, 0 at all others",
        },
        mistakes=LOG_P_MISTAKES,
    ),
    Task(
        hard_attention,
        "advantage",
        advantage_cases,
        ("better",),
        {
            "words": "words_t = how many words there are from t on: the sum of mask over these",
            "reward": "reward = the sum of the caption's log p; with to_go reward_t = the sum of those from t on",
            "usual": "usual = b; with to_go usual_t = b words_t / (mean number of words of a caption)",
            "better": "advantage = (reward - usual) mask",
        },
        mistakes=ADVANTAGE_MISTAKES,
    ),
    Task(
        hard_attention,
        "move_baseline",
        baseline_cases,
        ("after_one", "after_two"),
        {
            "baseline": "b <- 0.9 b + 0.1 (mean over captions of the sum of their words' log p), in place",
            "after_one": "b <- 0.9 b + 0.1 (mean over captions of the sum of their words' log p), in place",
            "after_two": "the same once more, from where b is now",
        },
        drive_baseline,
        changes=("baseline",),
        mistakes=BASELINE_MISTAKES,
    ),
    Task(
        hard_attention,
        "entropy_forward",
        entropy_cases,
        ("entropy", "cache"),
        {
            "word_entropy": "of a word: - sum over i of alpha_i log alpha_i",
            "entropy": "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi), divided by B",
            "cache": "the cache is EntropyCache(alpha, mask)",
        },
        mistakes=ENTROPY_MISTAKES,
    ),
    Task(
        hard_attention,
        "entropy_backward",
        entropy_backward_cases,
        ("dalpha",),
        {"dalpha": "dalpha_tbi = - (log alpha_tbi + 1) mask_tb dentropy / B"},
        mistakes=ENTROPY_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "draw_forward": (
        "How many of the sums up to each location does the uniform number lie behind? So which location is it in?",
        "upto_i = alpha_0 + ... + alpha_i;  s = how many i have upto_i <= uniform * upto_last;  weights = 1 at s",
        "upto = alpha.cumsum(axis=1); s = (upto <= (uniforms * upto[:, -1])[:, None]).sum(axis=1); np.eye(L, "
        "dtype=alpha.dtype)[s] is 1 at s; np.where(expected[:, None], alpha, that).",
    ),
    "draw_backward": (
        "If alpha moves a little, which captions' weights move?",
        "expected context: weights = alpha, so dalpha = dweights;  a draw: weights do not move, so dalpha = 0",
        "np.where(cache.expected[:, None], dweights, 0)",
    ),
    "location_log_p_backward": (
        "log p(s_t | a) is the log of one number of alpha_t. Which? And what is the slope of a log?",
        "d log alpha_s / d alpha_s = 1 / alpha_s, and 0 for every other location",
        "np.take_along_axis(alpha, s[..., None], axis=-1) is alpha at s, (T, B, 1); np.put_along_axis(dalpha, s[..., "
        "None], values, axis=-1) writes there, into np.zeros_like(alpha).",
    ),
    "advantage": (
        "Which words' log p can a draw at word t have changed? And what do that many words usually get?",
        "reward_t = sum of log p from t on;  usual_t = b words_t / mean words;  without to_go the whole sum, and b",
        "x[::-1].cumsum(axis=0)[::-1] sums from each word to the end: of log_p that is the reward, of mask the words "
        "left, whose first row is the captions' lengths. At padding 0: times mask.",
    ),
    "move_baseline": (
        "The baseline is an array of one number, which a checkpoint holds, too. How is it changed without a new one?",
        "b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)",
        "baseline *= 0.9; baseline += 0.1 * log_p.sum(axis=0).mean()",
    ),
    "entropy_forward": (
        "Each word's entropy is a sum over its locations. Which words count, and what is the mean over?",
        "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi) / B",
        "log = np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny)); -(alpha * log).sum(axis=-1) is (T, B), as mask.",
    ),
    "entropy_backward": (
        "In x log x x stands twice. What is its slope?",
        "d (x log x) / dx = log x + 1;  dalpha = - (log alpha + 1) mask dentropy / B",
        "-(log + 1) * (mask * (dentropy / B))[..., None], the mask's new axis being that of the locations.",
    ),
}
