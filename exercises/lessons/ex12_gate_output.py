"""The gate and the deep output"""

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import attention, output

INTRO = """\
To learn: two small pieces around the LSTM, and what happens to a gradient where one number meets a whole vector, and
where three roads come together.

The gate. Not every word needs the image as much ("red" does, "of" does not). So the state decides how loud the
context z may speak, with one number between 0 and 1 for each caption:

    beta_b = sigm(w_beta . h_b + b_beta)        gated_b = beta_b z_b        (section 4.2.1)

The deep output. The next word follows from the word before, from the state and from the image:

    inner = E y_{t-1} + h_t L_h + z_t L_z       (7) logits = inner L_o + b_o

beta_b meets all D components of z_b, so its gradient is a sum over them. In inner three terms are added: each gets
the same gradient, dinner, and dEy is dinner itself. b_beta and db_beta have shape (1,).

The caches: GateCache(z, h, w_beta, beta), the last being the cache that activations.sigmoid_forward(s) returns
beside sigm(s), which is SigmoidCache(sigm(s)), here of B numbers; put it in as it comes. OutputCache(h, z, L_h, L_z,
linear), the last being what linear.linear_forward(inner, L_o, b_o) returns beside logits, LinearCache(inner, L_o).

In the output all arrays may have more axes, (T, B, M) say: all but the last count rows. You may use activations
(sigmoid_backward(dy, cache.beta) is dy * y (1 - y)) and linear.linear_forward, linear_backward (which returns
the gradients of inner, L_o, b_o). Write out the four functions below.

Predict before you run. Gate: z = [[2, 4]], h = [[1, 3]], w_beta = [0, 0], b_beta = [0]: beta = 1/2, gated = [[1, 2]].
dgated = [[1, 1]]: dz = [[0.5, 0.5]], and beta gets 2 + 4 = 6. Find dw_beta, db_beta and dh.
Output: Ey = [[1]], h = [[2]], z = [[3]], L_h = [[1]], L_z = [[2]], L_o = [[1, -1]], b_o = [0, 5]: inner = [[9]],
logits = [[9, -4]]. dlogits = [[2, -1]]: dinner = [[3]], dL_o = [[18, -9]]. Find dEy, dh, dz, dL_h, dL_z.
And if L_o and b_o were 0, what would every word's probability be, out of V words, and its loss?"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers import activations, linear
from numpy_sat.layers.attention import GateCache
from numpy_sat.layers.output import OutputCache"""

GATE_SIZES = [(3, 5, 4), (4, 4, 4), (1, 3, 2)]  # B, D, S
OUTPUT_SIZES = [((2, 7), 4, 5, 3, 6), ((3,), 3, 3, 3, 3), ((1, 4), 2, 3, 5, 4)]  # axes but the last; M, S, D, V


def gate_cases(rng):
    """All sizes different, all equal, and one caption."""
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
    """Words of several captions, (T, B); one axis of rows and square matrices; a single word's captions."""
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


GATE_MISTAKES = (
    Mistake("beta[:, None] * z", "(1 - beta)[:, None] * z", "1 - beta where beta belongs: beta is how much passes"),
)
GATE_BACKWARD_MISTAKES = (
    Mistake(
        "dz = cache_beta.y[:, None] * dgated",
        "dz = (cache_beta.y * (1 - cache_beta.y))[:, None] * dgated",
        "the slope beta (1 - beta) where beta belongs: for z, beta is a factor like any other",
    ),
    Mistake("daffine[:, None] * w_beta", "np.zeros_like(h)", "the way through the gate to the state is missing"),
)

OUTPUT_MISTAKES = (
    Mistake(
        "Ey + h @ L_h + z @ L_z",
        "np.tanh(Ey + h @ L_h + z @ L_z)",
        "a tanh that equation 7 does not have (the authors' code has it)",
    ),
    Mistake(
        "logits, cache_linear = linear.linear_forward(inner, L_o, b_o)",
        "logits, cache_linear = linear.linear_forward(inner, L_o, b_o); logits = np.exp(logits); "
        "logits /= logits.sum(axis=-1, keepdims=True)",
        "a softmax too many: here are its scores, and the loss applies it",
    ),
)

OUTPUT_BACKWARD_MISTAKES = (
    Mistake(
        "h.reshape(-1, h.shape[-1]).T @ rows",
        "h.reshape(-1, h.shape[-1]).T @ rows; dh, dz = dz, dh",
        "`dh` and `dz` are in each other's place",
    ),
    Mistake("return dinner, dh,", "return np.zeros_like(dinner), dh,", "the word's own way back is missing"),
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
            "beta": "beta_b = sigm(w_beta . h_b + b_beta), one number a caption",
            "gated": "gated_b = beta_b z_b, all components of z_b times the same number",
            "cache": "the cache is GateCache(z, h, w_beta, beta), beta the cache of the sigm",
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
            "daffine": "daffine_b = dbeta_b beta_b (1 - beta_b), through the sigm",
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
            "cache": "the cache is OutputCache(h, z, L_h, L_z, linear), linear the cache of the affine map of inner",
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
            "dEy": "dEy = dinner, as E y is added as it is",
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
        "How many numbers is beta, and along which axis must it be stretched to meet z?",
        "beta_b = sigm(sum over s of h_bs w_beta_s + b_beta);  gated_bd = beta_b z_bd",
        "beta, cache_beta = activations.sigmoid_forward(h @ w_beta + b_beta) is (B,); beta[:, None] * z is (B, D).",
    ),
    "gate_backward": (
        "In how many components of gated does one beta_b take part? In how many captions do w_beta and b_beta?",
        "dbeta_b = sum over d of dgated_bd z_bd;  daffine_b = dbeta_b beta_b (1 - beta_b);  "
        "dw_beta = sum over b of daffine_b h_b",
        "daffine = activations.sigmoid_backward((dgated * z).sum(axis=1), cache.beta) is (B,). "
        "dh = daffine[:, None] * w_beta, dw_beta = daffine @ h, db_beta = daffine.sum(keepdims=True).",
    ),
    "output_forward": (
        "Three vectors of different sizes are to be added. To which size must they be brought, and by which matrices?",
        "inner = Ey + h L_h + z L_z;  logits = inner L_o + b_o",
        "h @ L_h is (..., M), as Ey is. logits, cache_linear = linear.linear_forward(inner, L_o, b_o).",
    ),
    "output_backward": (
        "inner is a sum of three terms: what does a sum hand back to each? Which of them are products?",
        "dinner = dlogits L_o^T;  dEy = dinner;  dh = dinner L_h^T;  dL_h = h^T dinner over all rows; and likewise z",
        "dinner, dL_o, db_o = linear.linear_backward(dlogits, cache.linear). For dL_h bring h to (rows, S) and dinner "
        "to (rows, M) by reshape(-1, size): then it is h.T @ dinner. dEy is dinner.",
    ),
}
