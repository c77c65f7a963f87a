"""The straight-through Gumbel-softmax"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import gumbel

FACTS = Facts(difficulty=2, minutes=50, builds_on=(4, 43), chapter="own_captions")

INTRO = """\
Goal            Send a gradient through a sampled word. REINFORCE (exercise 26) learns only how good a whole caption
                was. But the evaluator of exercise 43 has a gradient at every word that it reads. Sampling stops this
                gradient. The trick is to use the sample in the forward pass, and the gradient of a softmax in the
                backward pass (Jang et al. 2017, Shetty et al. 2017). The result is biased, but it has less noise.

Equations       g_k = - log(- log u_k)                  Gumbel noise, from uniform random numbers u               (B, V)
                p   = softmax((logits + g) / tau)       soft sample; tau: temperature                             (B, V)
                y   = onehot(argmax of p)               hard sample: exactly a sample of softmax(logits)          (B, V)
                Ey  = y E                               a mixture of embeddings, E (V, M)                         (B, M)
                Straight-through: y in the forward pass, and in the backward pass dp = dy.

Worked example  logits = [[0, ln 2]]   noise = [[ln 3, -ln 2]]   temperature = 0.5   p = [[0.9, 0.1]]   y = [[1, 0]]
                The noise chooses word 0, although word 1 is twice as likely. dp = [[1, 0]]   dlogits = [[0.18, -0.18]]
                E = [[1, 2], [3, 0]]: the hard word has Ey = [1, 2], the soft one 0.9 [1, 2] + 0.1 [3, 0] = [1.2, 1.8]
                1. Find p and dlogits with temperature 1.
                2. Find dE and dy for y = [[1, 0]] and dEy = [[1, 0]]. Which words get a gradient dy?
                3. How often is word 0 the hard sample? Does that depend on the temperature?
                4. What happens to p and to dlogits if the temperature goes to 0?

Your task       1. gumbel_softmax_forward: compute p. Trap: the temperature divides the noise, too.
                2. gumbel_softmax_backward: compute dlogits. The noise and the temperature are fixed.
                3. straight_through: compute y from p, in the dtype of p. Trap: the largest p may be below 1/2.
                4. mixture_backward: compute dE and dy. Trap: dy is not 0 for words that were not chosen. That is how
                   the evaluator says which word it would like better.

Given           softmax.softmax_forward(x) returns softmax(x) over the last axis and its cache, here `cache_softmax`.
                softmax.softmax_backward(dp, cache_softmax) is its backward pass. The caches
                GumbelCache(cache_softmax, temperature) and MixtureCache(E, y) are packed and unpacked for you.
                A gradient check of the hard path would fail: y is constant almost everywhere. The soft path passes it.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import softmax
from numpy_sat.layers.gumbel import GumbelCache"""

SIZES = [(3, 5, 0.5), (2, 4, 1.7), (5, 3, 0.3), (1, 6, 1.0)]  # B, V, temperature
EMBEDDINGS = (4, 3, 2, 5)  # M


def forward_cases(rng):
    """Return logits and noise of several sizes, with temperatures on both sides of 1."""
    return [
        {
            "logits": rng.standard_normal((B, V)),
            "noise": gumbel.gumbel_noise(rng.random((B, V))),
            "temperature": temperature,
        }
        for B, V, temperature in SIZES
    ]


def backward_cases(rng):
    """Return random gradients for each forward case."""
    caches = [gumbel.gumbel_softmax_forward(**inputs)[1] for inputs in forward_cases(rng)]
    return [{"dp": rng.standard_normal(cache.softmax.p.shape), "cache": cache} for cache in caches]


def straight_cases(rng):
    """Return soft samples. In many rows, the largest p is below 1/2."""
    cases = [{"p": gumbel.gumbel_softmax_forward(**inputs)[0]} for inputs in forward_cases(rng)]
    return [*cases, {"p": rng.dirichlet(np.full(7, 8.0), 6)}]


def mixture_cases(rng):
    """Return soft and hard words, with a random gradient."""
    cases = []
    for case, M in zip(straight_cases(rng), EMBEDDINGS, strict=False):
        y = case["p"] if M % 2 else gumbel.straight_through(case["p"])
        _, cache = gumbel.mixture_forward(rng.standard_normal((y.shape[1], M)), y)
        cases.append({"dEy": rng.standard_normal((len(y), M)), "cache": cache})
    return cases


SOFT = "(logits + noise) / temperature"
FORWARD_MISTAKES = (
    Mistake(SOFT, "logits / temperature + noise", "the temperature divides the logits alone, but also the noise"),
    Mistake(SOFT, "logits + noise / temperature", "the temperature divides the noise alone, but also the logits"),
    Mistake(SOFT, "(logits + noise) * temperature", "multiplied by the temperature: divide by it"),
    Mistake(SOFT, "logits / temperature", "the noise is missing"),
    Mistake(SOFT, "(logits - noise) / temperature", "the sign of the noise is flipped"),
    Mistake(SOFT, "logits + noise", "the division by the temperature is missing"),
    Mistake(
        "softmax.softmax_forward((logits + noise) / temperature)",
        "softmax.softmax_forward(np.log(softmax.softmax_forward(logits)[0] + noise) / temperature)",
        "the noise is added to probabilities: it belongs to the logits",
    ),
)

BACKWARD = "softmax.softmax_backward(dp, cache.softmax) / cache.temperature"
BACKWARD_MISTAKES = (
    Mistake(BACKWARD, "softmax.softmax_backward(dp, cache.softmax)", "the division by the temperature is missing"),
    Mistake(
        BACKWARD,
        "softmax.softmax_backward(dp, cache.softmax) * cache.temperature",
        "multiplied by the temperature: divide by it",
    ),
    Mistake(BACKWARD, "dp / cache.temperature", "the softmax's backward pass is missing"),
    Mistake(
        BACKWARD,
        "dp * cache.softmax.p * (1 - cache.softmax.p) / cache.temperature",
        "p (1 - p), the slope of a sigmoid: in a softmax, every p depends on every logit",
    ),
    Mistake(
        BACKWARD,
        "dp * cache.softmax.p / cache.temperature",
        "the second term of the softmax's backward pass is missing: - p times the sum of p dp",
    ),
)

HARD = "embedding.one_hot(p.argmax(axis=-1), p.shape[-1]).astype(p.dtype)"
STRAIGHT_MISTAKES = (
    Mistake(HARD, "(p > 0.5).astype(p.dtype)", "p above 1/2, but the largest p may be smaller"),
    Mistake(HARD, "np.round(p)", "p is rounded, but the largest p may be below 1/2"),
    Mistake(HARD, "p.copy()", "the soft sample itself: y is one-hot"),
    Mistake(
        HARD,
        "(p == p.max()).astype(p.dtype)",
        "the largest p of all rows: each row has its own, over axis -1",
    ),
    Mistake(HARD, "(p == p.max(axis=-1, keepdims=True)) * p", "the largest p stays p: it becomes 1"),
)

DE, DY = "cache.y.T @ dEy", "dEy @ cache.E.T"
MIXTURE_MISTAKES = (
    Mistake(
        DY,
        "dEy @ cache.E.T * cache.y",
        "dy is multiplied by y: words that were not chosen have a gradient, too",
        "dy",
    ),
    Mistake(
        DE,
        "embedding.one_hot(cache.y.argmax(axis=-1), cache.y.shape[-1]).T @ dEy",
        "the gradient goes to the embedding of the best word alone: soft words are mixtures of all",
        "dE",
    ),
    Mistake(DE, "cache.y.T @ dEy / len(dEy)", "the mean over rows where their sum belongs", "dE"),
)

TASKS = (
    Task(
        gumbel,
        "gumbel_softmax_forward",
        forward_cases,
        ("p", "cache"),
        {
            "p": "p = softmax((logits + noise) / temperature)",
            "cache": "the cache is GumbelCache(cache_softmax, temperature)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        gumbel,
        "gumbel_softmax_backward",
        backward_cases,
        ("dlogits",),
        {"dlogits": "dlogits = p (dp - sum over k of p_k dp_k) / temperature"},
        mistakes=BACKWARD_MISTAKES,
    ),
    Task(
        gumbel,
        "straight_through",
        straight_cases,
        ("y",),
        {"y": "y = onehot(argmax over the words of p)"},
        mistakes=STRAIGHT_MISTAKES,
    ),
    Task(
        gumbel,
        "mixture_backward",
        mixture_cases,
        ("dE", "dy"),
        {"dE": "dE = y^T dEy", "dy": "dy = dEy E^T"},
        mistakes=MIXTURE_MISTAKES,
    ),
)

HINTS = {
    "gumbel_softmax_forward": (
        "What do you add to the logits, and what do you divide by?",
        "p = softmax((logits + noise) / temperature)",
        "logits, noise and p are (B, V). temperature is one number.",
        "p, cache_softmax = softmax.softmax_forward((logits + noise) / temperature)",
    ),
    "gumbel_softmax_backward": (
        "Which two operations turn the logits into p? Go back through them, the last one first.",
        "dlogits = p (dp - sum over k of p_k dp_k) / temperature",
        "dp and dlogits are (B, V). temperature is one number.",
        "softmax.softmax_backward(dp, cache_softmax) / temperature",
    ),
    "straight_through": (
        "Which word has the largest p? How does one write a word as a vector?",
        "y = onehot(argmax over the words of p)",
        "p and y are (B, V). The argmax over the last axis is (B,).",
        "y = np.zeros_like(p); y[np.arange(len(p)), p.argmax(axis=-1)] = 1",
    ),
    "mixture_backward": (
        "Ey = y E is a matrix product. Which exercise has its backward pass?",
        "dE = y^T dEy;  dy = dEy E^T",
        "y is (B, V), E is (V, M) and dEy is (B, M). So dE is (V, M) and dy is (B, V).",
        "y.T @ dEy, dEy @ E.T",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"logits": np.array([[0, np.log(2)]]), "noise": np.array([[np.log(3), -np.log(2)]])}
    p, cache = gumbel.gumbel_softmax_forward(**inputs, temperature=0.5)
    _, cache_mixture = gumbel.mixture_forward(np.array([[1.0, 2], [3, 0]]), np.array([[1.0, 0]]))
    return [
        Example("gumbel_softmax_forward", {**inputs, "temperature": 0.5}),
        Example("gumbel_softmax_backward", {"dp": np.array([[1.0, 0]]), "cache": cache}),
        Example("straight_through", {"p": p}),
        Example("mixture_backward", {"dEy": np.array([[1.0, 0]]), "cache": cache_mixture}),
    ]
