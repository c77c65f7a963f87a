"""Batch normalization"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import batch_norm
from solutions import ex18_batch_norm as by_hand

FACTS = Facts(difficulty=3, minutes=75, builds_on=(3,))

INTRO = """\
Goal            Find the gradient of a number that affects the result in several ways at once. Batch normalization
                (Ioffe and Szegedy 2015) keeps the numbers of a network in a good range, so that it trains faster.
                Compare an exam that is graded on a curve: one better exam changes every grade.

Equations       mean  = sum over r of x_r / R                          (C,)      R numbers per channel: all other axes
                var   = sum over r of (x_r - mean)^2 / R               (C,)
                std   = sqrt(var + EPSILON)                            (C,)
                x_hat = (x - mean) / std                               (..., C)
                y     = gamma x_hat + beta                             (..., C)  gamma, beta: (C,)
                x_r affects y in three ways. Find the gradient of x through each, and add the three:
                directly, in x_r - mean      by the mean, in x_r - mean of every row      by the variance, in the std

Worked example  With EPSILON = 0:
                x = [[1], [1], [5], [5]]   gamma = [2]   beta = [10]  mean = [3]  var = [4]  y = [[8], [8], [12], [12]]
                dy = [[4], [0], [0], [0]]   dgamma = [-4]   dbeta = [4]
                dx is [[4], [0], [0], [0]] directly, -1 in every row by the mean, and [[-1], [-1], [1], [1]] by the
                variance. What is dx? Why must its sum be 0? What would y be if 7 were added to all of x? And for two
                rows, x = [[1], [3]], dx is 0 for any dy. Why?

Your task       1. batch_norm_forward: compute y, mean and std. Trap: for N images of H x W cells, R is N H W, not N.
                   Trap: divide the variance by R, not R - 1. EPSILON is under the root.
                2. batch_norm_backward: go back through the five equations, to dx_hat, dstd, dvar, dmean and dx. For
                   each number, ask which others contain it. In the sum, many terms cancel.

Given           EPSILON is 1e-5. The cache BatchNormCache(x, gamma, mean, std) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache"""

SHAPES = [(2, 3, 4, 5), (3, 3, 3, 3), (7, 2), (5, 1, 2, 1)]


def forward_cases(rng):
    """Return images, rows and a single channel, with standard deviations from 2 down to where EPSILON matters."""
    return [
        {
            "x": np.geomspace(2, 0.05, shape[-1]) * rng.standard_normal(shape) + rng.standard_normal(shape[-1]),
            "gamma": rng.standard_normal(shape[-1]),
            "beta": rng.standard_normal(shape[-1]),
        }
        for shape in SHAPES
    ]


def backward_cases(rng):
    """Return a random dy for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        y, cache = batch_norm.batch_norm_forward(**inputs)
        cases.append({"dy": rng.standard_normal(y.shape), "cache": cache})
    return cases


AXES, ROWS, STD = "tuple(range(x.ndim - 1))", "x.size // x.shape[-1]", "np.sqrt(var + EPSILON)"
VAR = "(centered * centered).mean(axis=axes)"
MOMENTS = f"""\
x.mean(axis=axes)  # (C,)
    centered = x - mean  # NumPy broadcasts (C,) over all rows

    # var_c = sum over r of (x_rc - mean_c)^2 / R. Divide by R, not R - 1, so that these R numbers get variance 1.
    var = {VAR}"""


def moments_over(axes):
    """Return the code MOMENTS for other axes, with keepdims."""
    return (
        f"x.mean(axis={axes}, keepdims=True); centered = x - mean; "
        f"var = (centered * centered).mean(axis={axes}, keepdims=True)"
    )


FORWARD_MISTAKES = (
    Mistake(AXES, "(0,)", "mean and variance of every cell over the images alone: all axes but the last count rows"),
    Mistake(AXES, "(0, 2, 3)[: x.ndim - 1]", "axis 1 is used as the channel axis: here channels are the last axis"),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(1, x.ndim - 1))"),
        "mean and variance of every image separately: the first axis, the images, counts rows, too",
    ),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(1, x.ndim))"),
        "mean and variance of every image over its cells and channels, which is layer normalization",
    ),
    Mistake(MOMENTS, moments_over("-1"), "mean and variance over the channels: every channel needs its own"),
    Mistake(AXES, "tuple(range(x.ndim))", "mean and variance of the whole array: every channel needs its own"),
    Mistake(MOMENTS, moments_over("None"), "mean and variance of the whole array: every channel needs its own"),
    Mistake(
        MOMENTS,
        "x.reshape(x.shape[-1], -1).mean(axis=1); centered = x - mean; var = x.reshape(x.shape[-1], -1).var(axis=1)",
        "reshape does not transpose: it mixes up the channels; reshape x to (R, C)",
    ),
    Mistake(VAR, f"{VAR} * (x.size / (x.size - x.shape[-1]))", "the variance is divided by R - 1, not by R"),
    Mistake(VAR, "(x * x).mean(axis=axes)", "the mean of x^2 is no variance: the square of the mean is not subtracted"),
    *(
        Mistake(
            MOMENTS,
            f"{1 - new} * x.mean(axis=axes) * 0 + {new} * x.mean(axis=axes); centered = x - mean; "
            f"var = {1 - new} * {start} + {new} * x.var(axis=axes)",
            "running statistics where the mean and the variance of this batch belong",
        )
        for new in (0.1, 0.01)
        for start in (0, 1)
    ),
    Mistake(STD, "np.sqrt(var) + EPSILON", "epsilon is outside of the root, but it belongs under the root"),
    Mistake(STD, "np.maximum(np.sqrt(var), EPSILON)", "epsilon is a lower bound of the std: add it to `var` instead"),
    Mistake(STD, "np.sqrt(var + 1e-8)", "epsilon is 1e-8 where EPSILON, 1e-5, belongs"),
    Mistake(STD, "np.sqrt(np.sqrt(var) + EPSILON)", "the root of `var` is taken twice"),
    Mistake(
        "BatchNormCache(x, gamma, mean, std)",
        "BatchNormCache(x, gamma, mean, 1 / std)",
        "the cache holds 1 / std where std belongs",
    ),
)

TERMS = "through_itself + through_mean + through_variance"


def simplified(over):
    """Return the code of the three terms in one line, with sums over other axes."""
    return (
        f"(dx_hat - dx_hat.mean(axis={over}, keepdims=True)"
        f" - x_hat * (dx_hat * x_hat).mean(axis={over}, keepdims=True)) / std"
    )


BACKWARD_MISTAKES = (
    Mistake(
        TERMS, "through_itself + through_variance", "the term through the mean is missing: the mean depends on x, too"
    ),
    Mistake(
        TERMS,
        "through_itself + through_mean",
        "the term through the variance is missing: the variance depends on x, too",
    ),
    Mistake(
        TERMS, "through_itself", "the terms through the mean and through the variance are missing: both depend on x"
    ),
    Mistake(ROWS, "x.shape[0]", "divided by the number of images: R is the number of all rows, N H W"),
    Mistake(ROWS, "x.shape[0] - 1", "divided by the number of images less one: R is the number of all rows, N H W"),
    Mistake(ROWS, f"{ROWS} - 1", "divided by R - 1, but the mean and the variance are divided by R"),
    Mistake(ROWS, "1", "the terms through the mean and through the variance are not divided by R"),
    Mistake(ROWS, "x.size", "divided by the size of x: R is the number of its rows"),
    Mistake(AXES, "(0,)", "the sums go over the first axis alone: a channel is in every cell of every image"),
    Mistake(
        "-(dx_hat * centered).sum(axis=axes) / std**2",
        "-(dx_hat * centered).sum(axis=axes)",
        "1 / std has the derivative -1 / std^2: the division by std^2 is missing",
    ),
    Mistake(
        "dstd / (2 * std)",
        "dstd * (2 * std)",
        "the root has the derivative 1 / (2 root): multiplied by 2 root instead of divided",
    ),
    Mistake("dstd / (2 * std)", "dstd", "the root is forgotten: its derivative is 1 / (2 root)"),
    Mistake(
        "dstd / (2 * std)",
        "-(dx_hat * centered).sum(axis=axes) / (2 * std**1.5)",
        "the power 3/2 belongs to var + epsilon; for the std, which is its root, the power is 3",
    ),
    Mistake("(dy * x_hat)", "(dy * (gamma * x_hat))", "gamma x_hat where x_hat, the factor of gamma, belongs"),
    Mistake("centered / std\n", "centered / np.sqrt(centered.var(axis=axes))\n", "epsilon is missing from the std"),
    Mistake(
        "mean, std = cache\n",
        "mean, std = cache; std = np.sqrt(std + 1e-5)\n",
        "`std` is used as the variance: it is the root already",
    ),
    Mistake(
        TERMS,
        "gamma / std * dy - dbeta / rows - x_hat * dgamma / rows",
        "gamma / std multiplies the first term alone: the brackets around all three are missing",
    ),
    Mistake(
        TERMS,
        "gamma / std**2 * (dy - dbeta / rows - x_hat * dgamma / rows)",
        "divided by `std` twice: the factor of the three terms is gamma / std",
    ),
    Mistake(
        TERMS,
        "gamma / std * (dy - dgamma / rows - x_hat * dbeta / rows)",
        "`dbeta` and `dgamma` are swapped",
    ),
    Mistake(
        TERMS,
        "gamma / std * (dy - dbeta / rows - dgamma / rows)",
        "the factor `x_hat` is missing from the term through the variance",
    ),
    Mistake(
        TERMS,
        "gamma / std * (dy - dbeta / rows - x_hat * gamma * dgamma / rows)",
        "the factor `gamma` occurs twice in the term through the variance",
    ),
    Mistake(TERMS, "dy / std + through_mean + through_variance", "the factor `gamma` is missing from the first term"),
    Mistake(TERMS, simplified("0"), "the sums go over the images alone: a channel is in every cell of each"),
    Mistake(TERMS, simplified("-1"), "the sums go over the channels: each channel needs its own"),
    Mistake(
        TERMS,
        simplified("tuple(range(1, x.ndim - 1))"),
        "the sums go over each image separately: the first axis, the images, counts rows, too",
    ),
)

TASKS = (
    Task(
        batch_norm,
        "batch_norm_forward",
        forward_cases,
        ("y", "cache"),
        {
            "axes": "mean and variance go over all axes but the last, the channel axis",
            "mean": "mean_c = sum over r of x_rc / R, over all R rows of channel c: all axes but the last",
            "centered": "centered_rc = x_rc - mean_c",
            "var": "var_c = sum over r of (x_rc - mean_c)^2 / R",
            "std": "std_c = sqrt(var_c + EPSILON)",
            "x_hat": "x_hat_rc = (x_rc - mean_c) / std_c",
            "y": "y_rc = gamma_c x_hat_rc + beta_c",
            "cache": "the cache is BatchNormCache(x, gamma, mean, std)",
        },
        mistakes=FORWARD_MISTAKES,
        twin=by_hand.batch_norm_forward,
    ),
    Task(
        batch_norm,
        "batch_norm_backward",
        backward_cases,
        ("dx", "dgamma", "dbeta"),
        {
            "rows": "R is the number of all rows of a channel: N H W for N images of H x W cells",
            "centered": "centered_rc = x_rc - mean_c",
            "x_hat": "x_hat_rc = (x_rc - mean_c) / std_c",
            "dbeta": "dbeta_c = sum over all rows r of dy_rc",
            "dgamma": "dgamma_c = sum over all rows r of dy_rc x_hat_rc",
            "dx_hat": "dx_hat_rc = gamma_c dy_rc",
            "dcentered": "dcentered_rc = dx_hat_rc / std_c",
            "dstd": "dstd_c = - sum over r of dx_hat_rc (x_rc - mean_c) / std_c^2",
            "dvar": "dvar_c = dstd_c / (2 std_c)",
            "dmean": "dmean_c = - sum over r of dx_hat_rc / std_c",
            "through_itself": "term 1 of dx_rc, directly: dx_hat_rc / std_c",
            "through_mean": "term 2 of dx_rc, through the mean: dmean_c / R, the same in every row",
            "through_variance": "term 3 of dx_rc, through the variance: dvar_c 2 (x_rc - mean_c) / R",
            "dx": "dx_rc = dx_hat_rc / std_c + dmean_c / R + dvar_c 2 (x_rc - mean_c) / R",
        },
        mistakes=BACKWARD_MISTAKES,
        twin=by_hand.batch_norm_backward,
    ),
)

HINTS = {
    "batch_norm_forward": (
        "x has R numbers of channel c. Along which axes are they, and how many means are there?",
        "mean_c = sum over r of x_rc / R;  var_c = sum over r of (x_rc - mean_c)^2 / R;  "
        "y_rc = gamma_c (x_rc - mean_c) / sqrt(var_c + EPSILON) + beta_c",
        "x, x_hat and y are (..., C). mean, var, std, gamma and beta are (C,), one number for each channel.",
        "axes = tuple(range(x.ndim - 1)) are all axes but the last. x.mean(axis=axes) and x.var(axis=axes) are (C,), "
        "and NumPy broadcasts them over the rows. x.var divides by R.",
    ),
    "batch_norm_backward": (
        "If one number of a channel grows, which y of that channel change? Name the three reasons.",
        "dx_hat = gamma dy;  dstd = - sum over r of dx_hat_r (x_r - mean) / std^2;  dvar = dstd / (2 std);"
        "  dmean = - sum over r of dx_hat_r / std;  dx_r = dx_hat_r / std + dmean / R + dvar 2 (x_r - mean) / R",
        "dy, dx_hat and dx are (..., C). dgamma, dbeta, dstd, dvar and dmean are (C,): all axes but the last are "
        "summed over. R = x.size // C is a number.",
        "axes = tuple(range(x.ndim - 1)) for every sum, R = x.size // x.shape[-1]; dbeta = dy.sum(axis=axes), dgamma = "
        "(dy * x_hat).sum(axis=axes). Simplified, dx = gamma / std * (dy - dbeta / R - x_hat * dgamma / R).",
    ),
}


def pencil():
    """Return the worked example of the page."""
    inputs = {"x": np.array([[1.0], [1], [5], [5]]), "gamma": np.array([2.0]), "beta": np.array([10.0])}
    _, cache = batch_norm.batch_norm_forward(**inputs)
    gradient = {"dy": np.array([[4.0], [0], [0], [0]]), "cache": cache}
    return [Example("batch_norm_forward", inputs), Example("batch_norm_backward", gradient)]
