"""Hard attention"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import hard_attention

INTRO = """\
To learn: how to train a model that makes a random choice. Soft attention reads a mean of all locations. Hard attention
samples one, s_t ~ Categorical(alpha_t), and reads it alone: z_t = a at s_t. Sampling has no gradient: a small change of
alpha leaves the sampled location unchanged. REINFORCE measures how well the caption went, and favors good samples.

    (10) maximize L_s = sum over s of p(s | a) log p(y | s, a), which is at most log p(y | a). Its gradient is the mean
    (12) of d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a) + lambda_e dH[s]    over samples s

The baseline b is the usual log p of captions. It does not change the mean, because the mean of d log p(s | a) is 0. But
it rewards only samples that are better than usual, which lowers the variance. H, the entropy, keeps alpha exploring.

draw: divide a line into pieces of the lengths alpha_i, whose ends are alpha.cumsum. A uniform number falls into one
piece, the sampled location. Rounding may end the line below 1, so multiply the uniform number by the end of the last
piece (0.9 in one case here). Return the weights of z_t = sum over i of weights_i a_i, and s. Captions with expected
True do not use s: their weights are alpha. The cache is DrawCache(expected).

location_log_p: log p(s_t | a) = log alpha at s_t. The forward is given; its cache: LocationLogPCache(alpha, s).

advantage: log p(y | s, a) is the sum of a caption's log p over its words, the reward of all its samples. With to_go,
the reward of a sample is the sum from its own word on, because it does not affect the words before. Subtract b times
the number of these words, divided by the mean number of words of a caption. Count words, not padding: see mask.
Do not multiply by lambda_r and lambda_e: the incoming gradients, dlog_p and dentropy, contain them already.

entropy: H = mean over captions of the sum over t, i of - alpha_ti log alpha_ti. Where alpha is 0, this is 0: take the
log of np.maximum(alpha, np.finfo(alpha.dtype).tiny). The cache is EntropyCache(alpha, mask). NumPy is all you need.

Predict before you run: alpha = [[.2, .5, .3]]. The uniform number 0.6 samples the middle one: weights [[0, 1, 0]].
Which does 0.2 sample? If the first sample has dlog_p = [[2]], dalpha is [[[0, 4, 0]]]. Through the softmax, the
gradient of the scores is [-0.4, 1, -0.6], which is 2 (weights - alpha). What is it if the first location is sampled?
A caption's two words have log p = [[-1], [-3]], and b = [-6]: the advantage of both samples is 2. What is it with
to_go? (For the first it is -4 + 6 = 2; find the other.) What is b after the update? (-5.4 - 0.4 = -5.8.)"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, EntropyCache, LocationLogPCache"""

SIZES = [(4, 6, 5), (3, 3, 3), (2, 5, 7)]  # T, B, L
LENGTHS = [(2, 4, 1, 3, 4, 2), (3, 1, 2), (1, 2, 2, 1, 2)]  # words of each caption


def draw_cases(rng):
    """Return cases with the expected context for some, no and all captions, numbers on an edge, and a sum of 0.9."""
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
    """Return a random dlog_p for sampled locations of every size."""
    cases = []
    for T, B, L in SIZES:
        alpha, s = rng.dirichlet(np.ones(L), (T, B)), rng.integers(0, L, (T, B))
        _, cache = hard_attention.location_log_p_forward(alpha, s)
        cases.append({"dlog_p": rng.standard_normal((T, B)), "cache": cache})
    return cases


def captions(rng):
    """Return pairs of log p of words, (T, B), and a mask, for captions of different lengths."""
    masks = [(np.arange(T)[:, None] < lengths) * 1.0 for (T, _, _), lengths in zip(SIZES, LENGTHS, strict=True)]
    return [(-rng.exponential(2.0, mask.shape) * mask, mask) for mask in masks]


def advantage_cases(rng):
    """Return every batch of captions with and without reward-to-go."""
    return [
        {"log_p": log_p, "mask": mask, "baseline": rng.normal(-5, 1, 1), "to_go": to_go}
        for log_p, mask in captions(rng)
        for to_go in (True, False)
    ]


def baseline_cases(rng):
    """Return captions of different lengths."""
    return [{"baseline": rng.normal(-5, 1, 1), "log_p": log_p} for log_p, _ in captions(rng)]


def drive_baseline(function, case):
    """Return the baseline after one and after two batches; the function changes it in place and returns nothing."""
    function(case["baseline"], case["log_p"])
    after_one = case["baseline"].copy()
    function(case["baseline"], 2 * case["log_p"])
    return after_one, case["baseline"].copy()


def entropy_cases(rng):
    """Return attention maps, with attention also at padding, and some exactly 0."""
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
SAMPLED = f"(upto <= {REACHED}).sum(axis=1)"

DRAW_MISTAKES = (
    Mistake(
        SAMPLED, "alpha.argmax(axis=1)", "the likeliest location where the one that the uniform number samples belongs"
    ),
    Mistake(SAMPLED, f"(alpha <= {REACHED}).sum(axis=1)", "alpha itself is compared where the sums up to i belong"),
    Mistake(
        SAMPLED,
        f"(upto <= {REACHED}).argmax(axis=1)",
        "argmax of the comparison where the number of True values belongs",
    ),
    Mistake(SAMPLED, f"(upto > {REACHED}).sum(axis=1)", "the locations after it are counted, not those before it"),
    Mistake(
        SAMPLED, f"{SAMPLED} - 1", "one location too few: count the locations before it, the first has the number 0"
    ),
    Mistake(SAMPLED, "(uniforms * L).astype(int)", "all locations are equally likely: their probabilities are alpha"),
    Mistake(
        SAMPLED,
        "np.minimum((upto <= uniforms[:, None]).sum(axis=1), L - 1)",
        "the uniform number is not multiplied by the last sum",
    ),
    Mistake(
        "np.where(expected[:, None], alpha, one_hot)",
        "one_hot",
        "`expected` is ignored: all captions use the sampled location",
    ),
    Mistake(
        "np.where(expected[:, None], alpha, one_hot)", "one_hot * alpha", "the weight at s is alpha where 1 belongs"
    ),
)

DRAW_BACKWARD_MISTAKES = (
    Mistake(
        "np.where(cache.expected[:, None], dweights, 0)",
        "dweights.copy()",
        "dweights is passed through the sample as if it had a derivative (straight-through): it is 0",
    ),
    Mistake(
        "np.where(cache.expected[:, None], dweights, 0)",
        "0 * dweights",
        "with the expected context, dalpha is dweights, not 0",
    ),
)

AT_S = "np.take_along_axis(alpha, s[..., None], axis=-1)"
LOG_P_MISTAKES = (
    Mistake(
        "dlog_p[..., None] / at_s", "dlog_p[..., None]", "the division by alpha is missing: log has the slope 1 / alpha"
    ),
    Mistake(
        "dlog_p[..., None] / at_s", "dlog_p[..., None] * at_s", "multiplied by alpha, but log has the slope 1 / alpha"
    ),
    Mistake(
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)",
        "dalpha += dlog_p[..., None] / alpha",
        "every location has a gradient, but log p depends on alpha at s alone",
    ),
    Mistake(
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None] / at_s, axis=-1)",
        "np.put_along_axis(dalpha, s[..., None], dlog_p[..., None], axis=-1); dalpha -= dlog_p[..., None] * alpha",
        "this is the gradient of the scores, before the softmax; return the gradient of alpha",
    ),
)

TO_GO = "log_p[::-1].cumsum(axis=0)[::-1]"
WORDS = "mask[::-1].cumsum(axis=0)[::-1]"
ADVANTAGE_MISTAKES = (
    Mistake(TO_GO, "log_p.cumsum(axis=0)", "the words up to the sample are summed where those from it on belong"),
    Mistake(TO_GO, "log_p", "the word's own log p alone: add the words after it"),
    Mistake(TO_GO, f"{TO_GO} - log_p", "the words after it, without its own word"),
    Mistake("baseline * words / words[0].mean()", "baseline", "all of b where b for the remaining words belongs"),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / words[0]",
        "divided by the caption's own number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()",
        "baseline * words / len(mask)",
        "divided by the longest caption's number of words where the mean number belongs",
    ),
    Mistake(
        "baseline * words / words[0].mean()", "baseline * words", "the division by the mean number of words is missing"
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p, baseline",
        "the word's own log p alone where the whole caption's belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0) / mask.sum(axis=0), baseline",
        "the mean log p of a word where the caption's sum belongs",
    ),
    Mistake(
        "reward, usual = log_p.sum(axis=0), baseline",
        "reward, usual = log_p.sum(axis=0).mean(), baseline",
        "the mean over captions where the reward of the sample's own caption belongs",
    ),
)

MOVE = "baseline *= 0.9\n    baseline += 0.1 * log_p.sum(axis=0).mean()"
BASELINE_MISTAKES = (
    Mistake(
        MOVE,
        "baseline = 0.9 * baseline + 0.1 * log_p.sum(axis=0).mean()",
        "the result is a new array: change it in place with *= and +=",
    ),
    Mistake(MOVE, "baseline *= 0.1\n    baseline += 0.9 * log_p.sum(axis=0).mean()", "0.9 and 0.1 are swapped"),
    Mistake(
        "log_p.sum(axis=0).mean()",
        "log_p.mean()",
        "the mean over words and captions, but a caption's words are summed",
    ),
    Mistake("log_p.sum(axis=0).mean()", "log_p.sum()", "the sum over captions where their mean belongs"),
)

ENTROPY_MISTAKES = (
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "(word_entropy * mask).sum() / mask.sum()",
        "the mean over words where the mean over captions belongs",
    ),
    Mistake(
        "(word_entropy * mask).sum() / mask.shape[1]",
        "word_entropy.sum() / mask.shape[1]",
        "`mask` is ignored: padding has no entropy",
    ),
)
ENTROPY_BACKWARD_MISTAKES = (
    Mistake("-(_log(alpha) + 1)", "-_log(alpha)", "the term 1 is missing: alpha log alpha has the slope log alpha + 1"),
    Mistake("-(_log(alpha) + 1)", "-(alpha * _log(alpha))", "the entropy itself where its slope belongs"),
    Mistake("-(_log(alpha) + 1)", "-1 / alpha", "the slope of log alpha where the slope of alpha log alpha belongs"),
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
            "s": "s = the first i with upto_i > uniform * upto_last; it is the number of i with upto_i <= that",
            "one_hot": "one_hot = 1 at s, 0 elsewhere",
            "weights": "weights = 1 at s, 0 elsewhere; alpha for captions with the expected context",
            "cache": "the cache is DrawCache(expected)",
        },
        mistakes=DRAW_MISTAKES,
    ),
    Task(
        hard_attention,
        "draw_backward",
        draw_backward_cases,
        ("dalpha",),
        {"dalpha": "dalpha = dweights for captions with the expected context; 0 for sampled locations"},
        mistakes=DRAW_BACKWARD_MISTAKES,
    ),
    Task(
        hard_attention,
        "location_log_p_backward",
        log_p_cases,
        ("dalpha",),
        {
            "at_s": "at_s = alpha at the sampled location of every word and caption, (T, B, 1)",
            "dalpha": "dalpha = dlog_p / alpha at the sampled location, 0 at all others",
        },
        mistakes=LOG_P_MISTAKES,
    ),
    Task(
        hard_attention,
        "advantage",
        advantage_cases,
        ("better",),
        {
            "words": "words_t = the number of words from t on, the sum of mask over them",
            "reward": "reward = the sum of the caption's log p; with to_go, reward_t = the sum from t on",
            "usual": "usual = b; with to_go, usual_t = b words_t / (mean number of words of a caption)",
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
            "after_two": "the same update again, from the new b",
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
            "word_entropy": "word_entropy = - sum over i of alpha_i log alpha_i",
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
        "How many of the sums up to each location are below the uniform number? So which location is it in?",
        "upto_i = alpha_0 + ... + alpha_i;  s = number of i with upto_i <= uniform * upto_last;  weights = 1 at s",
        "upto = alpha.cumsum(axis=1); s = (upto <= (uniforms * upto[:, -1])[:, None]).sum(axis=1); np.eye(L, "
        "dtype=alpha.dtype)[s] is 1 at s; np.where(expected[:, None], alpha, that).",
    ),
    "draw_backward": (
        "If alpha changes a little, which captions' weights change?",
        "expected context: weights = alpha, so dalpha = dweights;  sample: the weights do not change, so dalpha = 0",
        "np.where(cache.expected[:, None], dweights, 0)",
    ),
    "location_log_p_backward": (
        "log p(s_t | a) is the log of one number of alpha_t. Which? And what is the slope of a log?",
        "d log alpha_s / d alpha_s = 1 / alpha_s, and 0 for every other location",
        "np.take_along_axis(alpha, s[..., None], axis=-1) is alpha at s, (T, B, 1); np.put_along_axis(dalpha, s[..., "
        "None], values, axis=-1) writes there, into np.zeros_like(alpha).",
    ),
    "advantage": (
        "Which words' log p can the sample at word t affect? What is the usual log p of that many words?",
        "reward_t = sum of log p from t on;  usual_t = b words_t / mean words;  without to_go the whole sum, and b",
        "x[::-1].cumsum(axis=0)[::-1] sums from each word to the end. Of log_p it is the reward; of mask it is the "
        "number of remaining words, whose first row is the captions' lengths. Multiply by mask: 0 at padding.",
    ),
    "move_baseline": (
        "The baseline is an array of one number, which a checkpoint holds, too. How do you change it in place?",
        "b <- 0.9 b + 0.1 (mean over captions of the sum over words of log p)",
        "baseline *= 0.9; baseline += 0.1 * log_p.sum(axis=0).mean()",
    ),
    "entropy_forward": (
        "Each word's entropy is a sum over its locations. Which words count? Over what is the mean?",
        "H = sum over t and b of mask_tb (- sum over i of alpha_tbi log alpha_tbi) / B",
        "log = np.log(np.maximum(alpha, np.finfo(alpha.dtype).tiny)); -(alpha * log).sum(axis=-1) is (T, B), as mask.",
    ),
    "entropy_backward": (
        "x log x contains x twice. What is its slope?",
        "d (x log x) / dx = log x + 1;  dalpha = - (log alpha + 1) mask dentropy / B",
        "-(log + 1) * (mask * (dentropy / B))[..., None], where the mask's new axis is the location axis.",
    ),
}
