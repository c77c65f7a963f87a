"""Hard attention, sampling a location"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import hard_attention

FACTS = Facts(difficulty=2, minutes=45, builds_on=(28,), chapter="hard_attention")

INTRO = """\
Goal            Train a model that makes a random choice. Soft attention reads a mean of all locations; hard attention
                samples one and reads it alone. Sampling has no gradient: a small change of alpha usually leaves the
                sampled location unchanged. REINFORCE works around this. It lets the model write the caption, measures
                how well it went, and raises the probability of samples that did better than a baseline.

Equations       s_tb ~ Categorical(alpha_tb);   z_tb = a at location s_tb                    (T, B); (T, B, D)
                (10) L_s = sum over s of p(s | a) log p(y | s, a) <= log p(y | a)            a number, to maximize
                (12) dL_s = mean over samples s of  d log p(y | s, a) + lambda_r (log p(y | s, a) - b) d log p(s | a)
                                                    + lambda_e dH[s]
                log p(s_tb | a) = log alpha_tbi at i = s_tb                                  (T, B)
                The equations are those of Xu et al. 2015. Here you write the sample and d log p(s | a). Exercise 30 has
                b, the advantage log p(y | s, a) - b, and H.

Worked example  alpha = [[.2, .5, .3]]   uniforms = [0.6]   s = [1]   weights = [[0, 1, 0]]    Which does 0.2 sample?
                dweights = [[5, 1, 2]]   dalpha = [[0, 0, 0]], because s was sampled. What is dalpha where `expected`?
                s = [1]   dlog_p = [[2]]   dalpha = [[[0, 4, 0]]]     What is dalpha if location 0 is sampled?
                Through the softmax, the gradient of the scores is [-0.4, 1, -0.6], which is 2 (weights - alpha).

Your task       1. draw_forward: divide a line into pieces of the lengths alpha_i, whose ends are alpha.cumsum. The
                   uniform number falls into one piece, the sampled location s. Return the weights of z = sum over i of
                   weights_i a_i: 1 at s and 0 elsewhere. Captions with expected True read the mean of all locations:
                   their weights are alpha. Trap: rounding may end the line below 1. So multiply the uniform number by
                   the end of the last piece.
                2. draw_backward: pass dweights on for captions with the expected context, and 0 for samples.
                3. location_log_p_backward: compute dalpha. Its forward, location_log_p_forward, is in the library.
                   Trap: dlog_p contains lambda_r already.

Given           NumPy is all you need: np.take_along_axis and np.put_along_axis read and write at s. The caches
                DrawCache(expected) and LocationLogPCache(alpha, s) are packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.hard_attention import DrawCache, LocationLogPCache"""

SIZES = [(4, 6, 5), (3, 3, 3), (2, 5, 7)]  # T, B, L


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


UPTO, REACHED = "alpha.cumsum(axis=1)", "(uniforms * upto[:, -1])[:, None]"
SAMPLED = f"(upto <= {REACHED}).sum(axis=1)"

DRAW_MISTAKES = (
    Mistake(
        "np.where(expected[:, None], alpha, one_hot)",
        "np.where(expected[:, None], alpha, alpha * one_hot)",
        "alpha at the sampled location where 1 belongs",
    ),
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
)

HINTS = {
    "draw_forward": (
        "How many of the sums up to each location are below the uniform number? So which location is it in?",
        "upto_i = alpha_0 + ... + alpha_i;  s = number of i with upto_i <= uniform * upto_last;  weights = 1 at s",
        "alpha, its cumulative sums and weights are (B, L). uniforms, expected and s are (B,): [:, None] makes (B, 1) "
        "of them, to broadcast over locations.",
        "upto = alpha.cumsum(axis=1); s = (upto <= (uniforms * upto[:, -1])[:, None]).sum(axis=1); np.eye(L, "
        "dtype=alpha.dtype)[s] is 1 at s; np.where(expected[:, None], alpha, that).",
    ),
    "draw_backward": (
        "If alpha changes a little, which captions' weights change?",
        "expected context: weights = alpha, so dalpha = dweights;  sample: the weights do not change, so dalpha = 0",
        "dweights and dalpha are (B, L). expected is (B,), so it needs a new axis, (B, 1).",
        "np.where(expected[:, None], dweights, 0)",
    ),
    "location_log_p_backward": (
        "log p(s_t | a) is the log of one number of alpha_t. Which? And what is the slope of a log?",
        "d log alpha_s / d alpha_s = 1 / alpha_s, and 0 for every other location",
        "dlog_p and s are (T, B), dalpha and alpha are (T, B, L). s[..., None] is (T, B, 1), as take_along_axis needs "
        "it.",
        "np.take_along_axis(alpha, s[..., None], axis=-1) is alpha at s, (T, B, 1); np.put_along_axis(dalpha, s[..., "
        "None], values, axis=-1) writes there, into np.zeros_like(alpha).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    alpha, sampled = np.array([[0.2, 0.5, 0.3]]), np.zeros(1, bool)
    cache = hard_attention.LocationLogPCache(alpha[None], np.array([[1]]))
    other = hard_attention.LocationLogPCache(alpha[None], np.array([[0]]))
    dlog_p = np.array([[2.0]])
    dweights = np.array([[5.0, 1, 2]])
    backward = [{"dweights": dweights, "cache": hard_attention.DrawCache(np.array([mode]))} for mode in (False, True)]
    return [
        Example("draw_forward", {"alpha": alpha, "uniforms": np.array([0.6]), "expected": sampled}),
        Example("draw_forward", {"alpha": alpha, "uniforms": np.array([0.2]), "expected": sampled}),
        *(Example("draw_backward", case) for case in backward),
        Example("location_log_p_backward", {"dlog_p": dlog_p, "cache": cache}),
        Example("location_log_p_backward", {"dlog_p": dlog_p, "cache": other}),
    ]
