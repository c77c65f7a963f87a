"""The gate and the deep output"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import attention, output

FACTS = Facts(difficulty=2, minutes=60, builds_on=(3, 28), chapter="decoder_through_time")

INTRO = """\
Goal            Write two small layers around the LSTM. Some words need the image more than others: "red" does, "of"
                does not. So the gate scales the context z by one number between 0 and 1. The deep output predicts the
                next word from the word before, the hidden state and the image.

Equations       beta_b  = sigm(w_beta . h_b + b_beta)            (B,)        Xu et al. 2015, section 4.2.1
                gated_b = beta_b z_b                             (B, D)
                inner   = E y_{t-1} + h_t L_h + z_t L_z          (..., M)
                (7) logits = inner L_o + b_o                     (..., V)    p = softmax(logits)

Worked example  Gate:    z = [[2, 4]]   h = [[1, 3]]   w_beta = [0, 0]   b_beta = [0]   gated = [[1, 2]]   beta = [1/2]
                         dgated = [[1, 1]]   dz = [[0.5, 0.5]]   dbeta = 2 + 4 = 6      Find dw_beta, db_beta and dh.
                Output:  Ey = [[1]]   h = [[2]]   z = [[3]]   L_h = [[1]]   L_z = [[2]]   L_o = [[1, -1]]   b_o = [0, 5]
                         logits = [[9, -4]]   dlogits = [[2, -1]]   dL_o = [[18, -9]]   inner = [[9]]   dinner = [[3]]
                         Find dEy, dh, dz, dL_h and dL_z.
                If L_o and b_o were 0, what would each word's probability be, out of V words, and its loss?

Your task       1. gate_forward: compute gated.
                2. gate_backward: beta_b multiplies all D components of z_b. What kind of sum is its gradient? Trap:
                   db_beta has the shape (1,).
                3. output_forward: compute the logits.
                4. output_backward: each term of a sum has the same gradient, dinner. Trap: arrays may have more axes,
                   such as (T, B, M). All but the last count rows.

Given           activations.sigmoid_forward(s) returns sigm(s) and its cache; sigmoid_backward(dy, cache_beta) is dy *
                y (1 - y). linear.linear_forward(inner, L_o, b_o) returns its result and cache_linear;
                linear_backward(dlogits, cache_linear) returns the gradients of inner, L_o and b_o. The caches are
                packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations, linear
from numpy_sat.layers.attention import GateCache
from numpy_sat.layers.output import OutputCache"""

GATE_SIZES = [(3, 5, 4), (4, 4, 4), (1, 3, 2)]  # B, D, S
OUTPUT_SIZES = [((2, 7), 4, 5, 3, 6), ((3,), 3, 3, 3, 3), ((1, 4), 2, 3, 5, 4)]  # axes but the last; M, S, D, V


def gate_cases(rng):
    """Return cases with different sizes, equal sizes, and one caption."""
    return [
        {
            "z": rng.standard_normal((B, D)),
            "h": rng.standard_normal((B, S)),
            "w_beta": rng.standard_normal(S),
            "b_beta": rng.standard_normal(1),
        }
        for B, D, S in GATE_SIZES
    ]


def gate_backward_cases(rng):
    """Return a random dgated for each forward case."""
    cases = []
    for inputs in gate_cases(rng):
        gated, cache = attention.gate_forward(**inputs)
        cases.append({"dgated": rng.standard_normal(gated.shape), "cache": cache})
    return cases


def output_cases(rng):
    """Return cases with two row axes, (T, B), with one row axis and square matrices, and with a single word."""
    return [
        {
            "Ey": rng.standard_normal((*rows, M)),
            "h": rng.standard_normal((*rows, S)),
            "z": rng.standard_normal((*rows, D)),
            "L_h": rng.standard_normal((S, M)),
            "L_z": rng.standard_normal((D, M)),
            "L_o": rng.standard_normal((M, V)),
            "b_o": rng.standard_normal(V),
        }
        for rows, M, S, D, V in OUTPUT_SIZES
    ]


def output_backward_cases(rng):
    """Return a random dlogits for each forward case."""
    cases = []
    for inputs in output_cases(rng):
        logits, cache = output.output_forward(**inputs)
        cases.append({"dlogits": rng.standard_normal(logits.shape), "cache": cache})
    return cases


GATE_MISTAKES = (Mistake("beta[:, None] * z", "(1 - beta)[:, None] * z", "1 - beta where beta belongs"),)
GATE_BACKWARD_MISTAKES = (
    Mistake(
        "dz = cache_beta.y[:, None] * dgated",
        "dz = (cache_beta.y * (1 - cache_beta.y))[:, None] * dgated",
        "the slope beta (1 - beta) where beta belongs: for z, beta is a constant factor",
    ),
    Mistake(
        "daffine[:, None] * w_beta", "np.zeros_like(h)", "the gradient through the gate to the hidden state is missing"
    ),
)

OUTPUT_MISTAKES = (
    Mistake(
        "Ey + h @ L_h + z @ L_z",
        "np.tanh(Ey + h @ L_h + z @ L_z)",
        "a tanh, which equation 7 does not have (the authors' code has one)",
    ),
    Mistake(
        "logits, cache_linear = linear.linear_forward(inner, L_o, b_o)",
        "logits, cache_linear = linear.linear_forward(inner, L_o, b_o); logits = np.exp(logits); "
        "logits /= logits.sum(axis=-1, keepdims=True)",
        "one softmax too many: logits are the scores, and the loss applies the softmax",
    ),
)

OUTPUT_BACKWARD_MISTAKES = (
    Mistake(
        "h.reshape(-1, h.shape[-1]).T @ rows",
        "h.reshape(-1, h.shape[-1]).T @ rows; dh, dz = dz, dh",
        "`dh` and `dz` are swapped",
    ),
    Mistake("return dinner, dh,", "return np.zeros_like(dinner), dh,", "the gradient of the word vector Ey is missing"),
    Mistake(
        "dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear)",
        "dinner, (_, dL_o, db_o) = dlogits @ cache_linear.W, linear.linear_backward(dlogits, cache_linear)",
        "the transpose of `L_o` is missing",
    ),
)


TASKS = (
    Task(
        attention,
        "gate_forward",
        gate_cases,
        ("gated", "cache"),
        {
            "beta": "beta_b = sigm(w_beta . h_b + b_beta), one number for each caption",
            "gated": "gated_b = beta_b z_b, all components of z_b times the same number",
            "cache": "the cache is GateCache(z, h, w_beta, beta), where beta is the cache of the sigm",
        },
        mistakes=GATE_MISTAKES,
    ),
    Task(
        attention,
        "gate_backward",
        gate_backward_cases,
        ("dz", "dh", "dw_beta", "db_beta"),
        {
            "dz": "dz_b = beta_b dgated_b",
            "dbeta": "dbeta_b = dgated_b . z_b, summed over the D components",
            "daffine": "daffine_b = dbeta_b beta_b (1 - beta_b), back through the sigm",
            "dh": "dh_b = daffine_b w_beta",
            "dw_beta": "dw_beta = sum over captions b of daffine_b h_b",
            "db_beta": "db_beta = sum over captions b of daffine_b, of shape (1,)",
        },
        mistakes=GATE_BACKWARD_MISTAKES,
    ),
    Task(
        output,
        "output_forward",
        output_cases,
        ("logits", "cache"),
        {
            "inner": "inner = E y_{t-1} + h L_h + z L_z",
            "logits": "(7) logits = inner L_o + b_o",
            "cache": "the cache is OutputCache(h, z, L_h, L_z, linear), where linear is the cache of linear_forward",
        },
        mistakes=OUTPUT_MISTAKES,
    ),
    Task(
        output,
        "output_backward",
        output_backward_cases,
        ("dEy", "dh", "dz", "dL_h", "dL_z", "dL_o", "db_o"),
        {
            "dinner": "(7) dinner = dlogits L_o^T",
            "dL_o": "(7) dL_o = inner^T dlogits, summed over all rows",
            "db_o": "(7) db_o = the sum of dlogits over all rows",
            "rows": "rows = dinner as (rows, M)",
            "dEy": "dEy = dinner, because E y is a term of the sum",
            "dh": "dh = dinner L_h^T",
            "dz": "dz = dinner L_z^T",
            "dL_h": "dL_h = h^T dinner, summed over all rows",
            "dL_z": "dL_z = z^T dinner, summed over all rows",
        },
        mistakes=OUTPUT_BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "gate_forward": (
        "How many numbers does beta have, and along which axis must it be broadcast to multiply z?",
        "beta_b = sigm(sum over s of h_bs w_beta_s + b_beta);  gated_bd = beta_b z_bd",
        "h w_beta is (B, S) (S,), so beta is (B,), one number for each caption. z and gated are (B, D): beta[:, None] "
        "is (B, 1).",
        "beta, cache_beta = activations.sigmoid_forward(h @ w_beta + b_beta) is (B,); beta[:, None] * z is (B, D).",
    ),
    "gate_backward": (
        "How many components of gated contain one beta_b? How many captions use w_beta and b_beta?",
        "dbeta_b = sum over d of dgated_bd z_bd;  daffine_b = dbeta_b beta_b (1 - beta_b);  "
        "dw_beta = sum over b of daffine_b h_b",
        "dgated and dz are (B, D). dbeta is (B,), so D is summed over. dh is (B, S), dw_beta is (S,), db_beta is "
        "(1,), so B is summed over.",
        "daffine = activations.sigmoid_backward((dgated * z).sum(axis=1), cache_beta) is (B,). "
        "dh = daffine[:, None] * w_beta, dw_beta = daffine @ h, db_beta = daffine.sum(keepdims=True).",
    ),
    "output_forward": (
        "Three vectors of different sizes are added. Which size must all have, and which matrices project to it?",
        "inner = Ey + h L_h + z L_z;  logits = inner L_o + b_o",
        "Ey, h L_h and z L_z are (..., M), and so is inner. logits is (..., M) (M, V), that is (..., V).",
        "h @ L_h is (..., M), like Ey. logits, cache_linear = linear.linear_forward(inner, L_o, b_o).",
    ),
    "output_backward": (
        "inner is a sum of three terms. What is the gradient of each term? Which of them are products?",
        "dinner = dlogits L_o^T;  dEy = dinner;  dh = dinner L_h^T;  dL_h = h^T dinner over all rows; the same for z",
        "dinner and dEy are (..., M). dh is (..., M) (M, S). dL_h is (S, rows) (rows, M), where all axes but the last "
        "become rows; dL_z is (D, M) in the same way.",
        "dinner, dL_o, db_o = linear.linear_backward(dlogits, cache_linear). For dL_h, reshape h to (rows, S) and "
        "dinner to (rows, M): then it is h.T @ dinner. dEy is dinner.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    gate = {"z": np.array([[2.0, 4]]), "h": np.array([[1.0, 3]]), "w_beta": np.zeros(2), "b_beta": np.zeros(1)}
    words = {"Ey": np.array([[1.0]]), "h": np.array([[2.0]]), "z": np.array([[3.0]])}
    weights = {"L_h": np.array([[1.0]]), "L_z": np.array([[2.0]]), "L_o": np.array([[1.0, -1]])}
    logits = {**words, **weights, "b_o": np.array([0.0, 5])}
    _, gate_cache = attention.gate_forward(**gate)
    _, output_cache = output.output_forward(**logits)
    return [
        Example("gate_forward", gate),
        Example("gate_backward", {"dgated": np.ones((1, 2)), "cache": gate_cache}),
        Example("output_forward", logits),
        Example("output_backward", {"dlogits": np.array([[2.0, -1]]), "cache": output_cache}),
    ]
