"""Layer normalization"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import layer_norm

FACTS = Facts(difficulty=2, minutes=45, builds_on=(3, 18), chapter="attention_to_transformers")

INTRO = """\
Goal            Bring each vector of a sequence to mean 0 and variance 1, and find the gradient. Layer normalization
                (Ba, Kiros and Hinton 2016) stands before each part of a Transformer. It needs no other vector, so a
                batch of one and inference are no special cases.

Equations       mean  = sum over c of x_c / S                          (..., 1)  S components of each vector
                var   = sum over c of (x_c - mean)^2 / S               (..., 1)
                std   = sqrt(var + EPSILON)                            (..., 1)
                x_hat = (x - mean) / std                               (..., S)
                y     = gamma x_hat + beta                             (..., S)  gamma, beta: (S,)
                dx    = (dx_hat - mean of dx_hat - x_hat mean of (x_hat dx_hat)) / std     with dx_hat = gamma dy
                Both means in dx go over the S components of the same vector.

Worked example  Two vectors, with EPSILON = 0:
                x = [[1, 1, 5, 5], [2, 6, 2, 6]]   gamma = [1, 2, 1, 2]   beta = [0, 0, 0, 0]
                mean = [[3], [4]]   std = [[2], [2]]   y = [[-1, -2, 1, 2], [-1, 2, -1, 2]]
                dy = [[4, 0, 0, 0], [0, 0, 0, 1]]   dbeta = [4, 0, 0, 1]
                In the first vector, dx_hat is [4, 0, 0, 0], its mean is 1, and the mean of x_hat dx_hat is -1. So its
                gradient is ([4, 0, 0, 0] - 1 + x_hat) / 2 = [1, -1, 0, 0].
                1. Find dx of the second vector, and dgamma.
                2. Each row of dx has the sum 0, and its product with x is 0, too. Which changes of x does y ignore?
                3. A third vector joins the batch. Does y of the first two change? Would it in exercise 18?

Your task       1. layer_norm_forward: compute y, mean and std. Trap: only the last axis counts. mean and std keep it,
                   with one element, so that they broadcast.
                2. layer_norm_backward: compute dx, dgamma and dbeta. Trap: in exercise 18 gamma was the same number in
                   both means. Here it differs from component to component, so it stays inside them.

Given           EPSILON is 1e-5. The cache LayerNormCache(x, gamma, mean, std) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.layer_norm import EPSILON, LayerNormCache"""

SHAPES = [(2, 3, 5), (4, 7), (3, 3), (2, 1, 2, 4)]


def forward_cases(rng):
    """Return vectors of several sizes, with standard deviations from 2 down to where EPSILON matters."""
    cases = []
    for *rows, S in SHAPES:
        spread = np.geomspace(2, 0.02, np.prod(rows)).reshape(*rows, 1)
        x = spread * rng.standard_normal((*rows, S)) + rng.standard_normal((*rows, 1))
        cases.append({"x": x, "gamma": rng.standard_normal(S), "beta": rng.standard_normal(S)})
    return cases


def backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        y, cache = layer_norm.layer_norm_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


MEAN, STD = "x.mean(axis=-1, keepdims=True)", "np.sqrt(x.var(axis=-1, keepdims=True) + x.dtype.type(EPSILON))"
MOMENTS = f"{MEAN}\n    std = {STD}"


def moments_over(axes):
    """Return the code MOMENTS for other axes."""
    return MOMENTS.replace("axis=-1", f"axis={axes}")


FORWARD_MISTAKES = (
    Mistake(MOMENTS, moments_over("0"), "mean and variance over the vectors: each vector needs its own"),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(x.ndim - 1))"),
        "mean and variance of each component over all vectors, which is batch normalization",
    ),
    Mistake(MOMENTS, moments_over("None"), "mean and variance of the whole array: each vector needs its own"),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(1, x.ndim))"),
        "mean and variance of all vectors of a sequence together: each vector needs its own",
    ),
    Mistake(
        MOMENTS,
        MOMENTS.replace(", keepdims=True", ""),
        "`keepdims=True` is missing: mean and std are (..., 1), so that they broadcast over the components",
    ),
    Mistake(MEAN, "x.mean(axis=-1)[..., None] * 0", "the mean is not subtracted"),
    Mistake(
        "x.var(axis=-1, keepdims=True)",
        "x.var(axis=-1, keepdims=True, ddof=min(1, x.shape[-1] - 1))",
        "the variance is divided by S - 1, not by S",
    ),
    Mistake(
        "x.var(axis=-1, keepdims=True)",
        "(x * x).mean(axis=-1, keepdims=True)",
        "the mean of x^2 is no variance: the mean is not subtracted",
    ),
    Mistake(STD, "x.std(axis=-1, keepdims=True) + EPSILON", "epsilon is outside of the root, but belongs under it"),
    Mistake(
        STD,
        "np.maximum(x.std(axis=-1, keepdims=True), EPSILON)",
        "epsilon is a lower bound of the std: add it to the variance instead",
    ),
    Mistake(STD, "np.sqrt(x.var(axis=-1, keepdims=True) + 1e-8)", "epsilon is 1e-8 where EPSILON, 1e-5, belongs"),
    Mistake(STD, "np.sqrt(x.std(axis=-1, keepdims=True) + EPSILON)", "the root of the variance is taken twice"),
    Mistake(STD, "x.var(axis=-1, keepdims=True) + EPSILON", "the root is missing: this is the variance"),
    Mistake(STD, "x.std(axis=-1, keepdims=True)", "epsilon is missing from the std"),
    Mistake(
        "LayerNormCache(x, gamma, mean, std)",
        "LayerNormCache(x, gamma, mean, 1 / std)",
        "the cache holds 1 / std where std belongs",
    ),
)

DX = "(dx_hat - through_mean - through_variance) / std"
BACKWARD_MISTAKES = (
    Mistake(
        DX, "(dx_hat - through_variance) / std", "the term through the mean is missing: the mean depends on x, too"
    ),
    Mistake(
        DX, "(dx_hat - through_mean) / std", "the term through the variance is missing: the variance depends on x, too"
    ),
    Mistake(DX, "dx_hat / std", "the terms through the mean and through the variance are missing: both depend on x"),
    Mistake(
        DX,
        "gamma / std * (dy - dy.mean(axis=-1, keepdims=True) - x_hat * (x_hat * dy).mean(axis=-1, keepdims=True))",
        "gamma stands outside of the means: it differs between the components, so it belongs inside",
    ),
    Mistake(
        DX,
        "(dy - dy.mean(axis=-1, keepdims=True) - x_hat * (x_hat * dy).mean(axis=-1, keepdims=True)) / std",
        "`gamma` is forgotten: dx_hat = gamma dy",
    ),
    Mistake(
        DX,
        "dx_hat / std - through_mean - through_variance",
        "only the first term is divided by `std`: the brackets around all three are missing",
    ),
    Mistake(
        DX,
        "gamma / std * (dy - dbeta / (x.size // x.shape[-1]) - x_hat * dgamma / (x.size // x.shape[-1]))",
        "the gradient of batch normalization: the means go over the components of one vector, not over the vectors",
    ),
    Mistake(
        DX,
        "(dx_hat - dx_hat.mean(axis=0, keepdims=True) - x_hat * (x_hat * dx_hat).mean(axis=0, keepdims=True)) / std",
        "the means go over the vectors: each vector needs its own",
    ),
    Mistake(
        DX,
        "(dx_hat - dx_hat.mean() - x_hat * (x_hat * dx_hat).mean()) / std",
        "the means go over the whole array: each vector needs its own",
    ),
    Mistake(
        DX,
        "(dx_hat - dx_hat.sum(axis=-1, keepdims=True) - x_hat * (x_hat * dx_hat).sum(axis=-1, keepdims=True)) / std",
        "sums where means belong: the division by S is missing",
    ),
    Mistake(
        DX,
        "(dx_hat - through_mean - through_variance) / std**2",
        "divided by the variance, not by the std",
    ),
    Mistake("(dy * x_hat)", "(dy * x)", "`x` where `x_hat`, the factor of gamma, belongs"),
    Mistake("(dy * x_hat)", "(dy * (gamma * x_hat))", "gamma x_hat where x_hat, the factor of gamma, belongs"),
    Mistake(
        "x_hat * (x_hat * dx_hat).mean(axis=-1, keepdims=True)",
        "(x_hat * dx_hat).mean(axis=-1, keepdims=True)",
        "the factor `x_hat` is missing from the term through the variance",
    ),
    Mistake(
        "x_hat * (x_hat * dx_hat).mean(axis=-1, keepdims=True)",
        "(x - mean) * ((x - mean) * dx_hat).mean(axis=-1, keepdims=True)",
        "x - mean where x_hat belongs: the division by `std` is missing, twice",
    ),
    Mistake(
        "x_hat * (x_hat * dx_hat).mean(axis=-1, keepdims=True)",
        "2 * x_hat * (x_hat * dx_hat).mean(axis=-1, keepdims=True)",
        "a factor 2 too many: that of the square cancels with that of the root",
    ),
)

TASKS = (
    Task(
        layer_norm,
        "layer_norm_forward",
        forward_cases,
        ("y", "cache"),
        {
            "mean": "mean = sum over c of x_c / S, over the last axis alone",
            "std": "std = sqrt(var + EPSILON), with var = sum over c of (x_c - mean)^2 / S",
            "y": "y_c = gamma_c (x_c - mean) / std + beta_c",
            "cache": "the cache is LayerNormCache(x, gamma, mean, std)",
        },
        mistakes=FORWARD_MISTAKES,
    ),
    Task(
        layer_norm,
        "layer_norm_backward",
        backward_cases,
        ("dx", "dgamma", "dbeta"),
        {
            "rows": "the gradients of gamma and beta are sums over all axes but the last",
            "x_hat": "x_hat = (x - mean) / std",
            "dbeta": "dbeta_c = sum over all vectors of dy_c",
            "dgamma": "dgamma_c = sum over all vectors of dy_c x_hat_c",
            "dx_hat": "dx_hat_c = gamma_c dy_c",
            "through_mean": "term 2 of dx, through the mean: sum over c of dx_hat_c / S",
            "through_variance": "term 3 of dx, through the variance: x_hat_c times the mean over k of x_hat_k dx_hat_k",
            "dx": "dx = (dx_hat - mean of dx_hat - x_hat mean of (x_hat dx_hat)) / std",
        },
        mistakes=BACKWARD_MISTAKES,
    ),
)

HINTS = {
    "layer_norm_forward": (
        "How many means are there for x of shape (2, 3, 5)? Which numbers does each of them average?",
        "mean = sum over c of x_c / S;  var = sum over c of (x_c - mean)^2 / S;  "
        "y_c = gamma_c (x_c - mean) / sqrt(var + EPSILON) + beta_c",
        "x and y are (..., S). mean and std are (..., 1), one number for each vector. gamma and beta are (S,).",
        "x.mean(axis=-1, keepdims=True) and x.var(axis=-1, keepdims=True) are (..., 1). x.var divides by S.",
    ),
    "layer_norm_backward": (
        "If one component of a vector grows, which components of y change? Which y of other vectors change?",
        "dx_hat = gamma dy;  dx = (dx_hat - mean of dx_hat - x_hat mean of (x_hat dx_hat)) / std",
        "dy, x_hat, dx_hat and dx are (..., S). Both means are (..., 1). dgamma and dbeta are (S,): all axes but the "
        "last are summed over.",
        "rows = tuple(range(x.ndim - 1)); dgamma = (dy * x_hat).sum(axis=rows). The means of dx_hat and x_hat * dx_hat "
        "have axis=-1, keepdims=True.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    x, gamma, beta = np.array([[1.0, 1, 5, 5], [2, 6, 2, 6]]), np.array([1.0, 2, 1, 2]), np.zeros(4)
    inputs = {"x": x, "gamma": gamma, "beta": beta}
    _, cache = layer_norm.layer_norm_forward(**inputs)
    gradient = {"dy": np.array([[4.0, 0, 0, 0], [0, 0, 0, 1]]), "cache": cache}
    return [Example("layer_norm_forward", inputs), Example("layer_norm_backward", gradient)]
