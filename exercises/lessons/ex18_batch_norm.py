"""Batch normalisation"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from numpy_sat.layers import batch_norm
from solutions import ex18_batch_norm as by_hand

INTRO = """\
To learn: what happens to a gradient where a number reaches the result on several ways at once.

An examination marked on a curve: a mark says how far one is from the mean, in standard deviations of the class. Batch
normalisation (Ioffe and Szegedy 2015) does that to every channel, over all R numbers that the batch has of it:

    mean = sum over r of x_r / R              var = sum over r of (x_r - mean)^2 / R
    std = sqrt(var + EPSILON)                 x_hat_r = (x_r - mean) / std
    y_r = gamma x_hat_r + beta

Channels are the last axis and do not meet: each has a mean, a std, a gamma and a beta of its own, of shape (C,).
All other axes count rows: of N images of H x W cells R is N H W, not N. The variance is divided by R, not R - 1.
EPSILON stands under the root: where a channel is the same everywhere, x_hat is 0 and not 0 / 0.

On a curve, one who gets better moves everybody's mark. So x_r takes part in y of every row, on three ways:

    as itself, in x_r - mean          by the mean, in x_r - mean of every row          by the variance, in the std

Find what x gets on each way, and add the three: go backwards through the five equations above, to dx_hat, dstd,
dvar, dmean and dx, and ask of each number in which others it takes part. Put together, much of it cancels.

The cache is BatchNormCache(x, gamma, mean, std). x may have any number of axes. All is to be written out; EPSILON is
the library's, 1e-5.

Predict before you run, with EPSILON = 0: x = [[1], [1], [5], [5]], gamma = [2], beta = [10]: mean = [3], var = [4],
x_hat = [[-1], [-1], [1], [1]], y = [[8], [8], [12], [12]]. And dy = [[4], [0], [0], [0]]: dbeta = [4], dgamma = [-4];
as itself x gets [[4], [0], [0], [0]], by the mean -1 in every row, by the variance [[-1], [-1], [1], [1]].
What is dx? Why must its sum be 0? (What would y be if 7 were added to all of x, or if x were 100 times as large?)
And of two rows, x = [[1], [3]], dx is 0 whatever dy is. Why?"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.batch_norm import EPSILON, BatchNormCache"""

SHAPES = [(2, 3, 4, 5), (3, 3, 3, 3), (7, 2), (5, 1, 2, 1)]


def forward_cases(rng):
    """Images, all sizes different and all equal; rows; one channel. Spreads from 2 to where EPSILON counts."""
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
VAR = "(centred * centred).mean(axis=axes)"
MOMENTS = f"""\
x.mean(axis=axes)  # (C,)
    centred = x - mean  # NumPy broadcasts (C,) over all rows

    # var_c = sum over r of (x_rc - mean_c)^2 / R. Divide by R, not R - 1, so that these R numbers get variance 1.
    var = {VAR}"""


def moments_over(axes):
    """MOMENTS over other axes, kept with length 1."""
    return (
        f"x.mean(axis={axes}, keepdims=True); centred = x - mean; "
        f"var = (centred * centred).mean(axis={axes}, keepdims=True)"
    )


FORWARD_MISTAKES = (
    Mistake(AXES, "(0,)", "mean and variance of every cell over the images alone: all axes but the last count rows"),
    Mistake(AXES, "(0, 2, 3)[: x.ndim - 1]", "axis 1 is taken for the channels: here they are the last axis"),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(1, x.ndim - 1))"),
        "mean and variance of every image by itself: the images' axis, the first, counts rows, too",
    ),
    Mistake(
        MOMENTS,
        moments_over("tuple(range(1, x.ndim))"),
        "mean and variance of every image over its cells and channels, which is layer normalisation",
    ),
    Mistake(MOMENTS, moments_over("-1"), "mean and variance over the channels, where every channel has its own"),
    Mistake(AXES, "tuple(range(x.ndim))", "mean and variance of everything, where every channel has its own"),
    Mistake(MOMENTS, moments_over("None"), "mean and variance of everything, where every channel has its own"),
    Mistake(
        MOMENTS,
        "x.reshape(x.shape[-1], -1).mean(axis=1); centred = x - mean; var = x.reshape(x.shape[-1], -1).var(axis=1)",
        "reshape does not transpose: it deals a channel's numbers out to others; bring x to (R, C)",
    ),
    Mistake(VAR, f"{VAR} * (x.size / (x.size - x.shape[-1]))", "the variance is divided by R - 1, where R belongs"),
    Mistake(STD, "np.sqrt(var) + EPSILON", "epsilon is outside of the root, where it belongs under it"),
    Mistake(STD, "np.maximum(np.sqrt(var), EPSILON)", "epsilon is the lowest std, where it is added to `var`"),
    Mistake(STD, "np.sqrt(var + 1e-8)", "epsilon is 1e-8, where EPSILON, 1e-5, belongs"),
    Mistake(STD, "np.sqrt(np.sqrt(var) + EPSILON)", "the root of `var` is taken twice"),
    Mistake(
        "BatchNormCache(x, gamma, mean, std)",
        "BatchNormCache(x, gamma, mean, 1 / std)",
        "the cache holds 1 / std, where std belongs",
    ),
)

WAYS = "through_itself + through_mean + through_variance"


def put_together(over):
    """The three ways in one line, with the sums over other axes."""
    return (
        f"(dx_hat - dx_hat.mean(axis={over}, keepdims=True)"
        f" - x_hat * (dx_hat * x_hat).mean(axis={over}, keepdims=True)) / std"
    )


BACKWARD_MISTAKES = (
    Mistake(WAYS, "through_itself + through_variance", "the way by the mean is missing: the mean is made of x, too"),
    Mistake(
        WAYS, "through_itself + through_mean", "the way by the variance is missing: the variance is made of x, too"
    ),
    Mistake(WAYS, "through_itself", "the ways by the mean and by the variance are missing: both are made of x"),
    Mistake(ROWS, "x.shape[0]", "divided by the number of images, where R is that of all rows, N H W"),
    Mistake(ROWS, "x.shape[0] - 1", "divided by the number of images less one, where R is that of all rows, N H W"),
    Mistake(ROWS, f"{ROWS} - 1", "divided by R - 1, where the mean and the variance are divided by R"),
    Mistake(ROWS, "1", "the ways by the mean and by the variance are not divided by R"),
    Mistake(ROWS, "x.size", "divided by the size of x, where R is the number of its rows"),
    Mistake(AXES, "(0,)", "the sums go over the first axis alone: a channel is in every cell of every image"),
    Mistake(
        "-(dx_hat * centred).sum(axis=axes) / std**2",
        "-(dx_hat * centred).sum(axis=axes)",
        "1 / std has the derivative -1 / std^2: the division by std^2 is missing",
    ),
    Mistake(
        "dstd / (2 * std)",
        "dstd * (2 * std)",
        "the root has the derivative 1 / (2 root): multiplied by it, where it divides",
    ),
    Mistake("dstd / (2 * std)", "dstd", "the root is forgotten: its derivative is 1 / (2 root)"),
    Mistake(
        "dstd / (2 * std)",
        "-(dx_hat * centred).sum(axis=axes) / (2 * std**1.5)",
        "the power 3/2 is that of var + epsilon; of the std, which is its root, it is 3",
    ),
    Mistake("(dy * x_hat)", "(dy * (gamma * x_hat))", "y's share gamma x_hat, where gamma counts x_hat times"),
    Mistake("centred / std\n", "centred / np.sqrt(centred.var(axis=axes))\n", "epsilon is missing from the std"),
    Mistake(
        "mean, std = cache\n",
        "mean, std = cache; std = np.sqrt(std + 1e-5)\n",
        "`std` is taken for the variance: the root is in it already",
    ),
    Mistake(
        WAYS,
        "gamma / std * dy - dbeta / rows - x_hat * dgamma / rows",
        "gamma / std multiplies the first way alone: the brackets around all three are missing",
    ),
    Mistake(
        WAYS,
        "gamma / std**2 * (dy - dbeta / rows - x_hat * dgamma / rows)",
        "divided by `std` twice: gamma / std multiplies the three ways",
    ),
    Mistake(
        WAYS,
        "gamma / std * (dy - dgamma / rows - x_hat * dbeta / rows)",
        "`dbeta` and `dgamma` are in each other's place",
    ),
    Mistake(
        WAYS,
        "gamma / std * (dy - dbeta / rows - dgamma / rows)",
        "the factor `x_hat` is missing from the way by the variance",
    ),
    Mistake(
        WAYS,
        "gamma / std * (dy - dbeta / rows - x_hat * gamma * dgamma / rows)",
        "the factor `gamma` is there twice in the way by the variance",
    ),
    Mistake(WAYS, "dy / std + through_mean + through_variance", "the factor `gamma` is missing from the first way"),
    Mistake(WAYS, put_together("0"), "the sums go over the images alone: a channel is in every cell of each"),
    Mistake(WAYS, put_together("-1"), "the sums go over the channels, where each channel has its own"),
    Mistake(
        WAYS,
        put_together("tuple(range(1, x.ndim - 1))"),
        "the sums go over each image by itself: the images' axis, the first, counts rows, too",
    ),
)

TASKS = (
    Task(
        batch_norm,
        "batch_norm_forward",
        forward_cases,
        ("y", "cache"),
        {
            "axes": "mean and variance go over all axes but the last, which is the channels'",
            "mean": "mean_c = sum over r of x_rc / R, over all R rows of channel c: all axes but the last",
            "centred": "centred_rc = x_rc - mean_c",
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
            "centred": "centred_rc = x_rc - mean_c",
            "x_hat": "x_hat_rc = (x_rc - mean_c) / std_c",
            "dbeta": "dbeta_c = sum over all rows r of dy_rc",
            "dgamma": "dgamma_c = sum over all rows r of dy_rc x_hat_rc",
            "dx_hat": "dx_hat_rc = gamma_c dy_rc",
            "dcentred": "dcentred_rc = dx_hat_rc / std_c",
            "dstd": "dstd_c = - sum over r of dx_hat_rc (x_rc - mean_c) / std_c^2",
            "dvar": "dvar_c = dstd_c / (2 std_c)",
            "dmean": "dmean_c = - sum over r of dx_hat_rc / std_c",
            "through_itself": "as itself, x_rc gets dx_hat_rc / std_c",
            "through_mean": "by the mean, x_rc gets dmean_c / R, the same in every row",
            "through_variance": "by the variance, x_rc gets dvar_c 2 (x_rc - mean_c) / R",
            "dx": "dx_rc = dx_hat_rc / std_c + dmean_c / R + dvar_c 2 (x_rc - mean_c) / R",
        },
        mistakes=BACKWARD_MISTAKES,
        twin=by_hand.batch_norm_backward,
    ),
)

HINTS = {
    "batch_norm_forward": (
        "x has R numbers of channel c: in which axes are they, and how many means are there in all?",
        "mean_c = sum over r of x_rc / R;  var_c = sum over r of (x_rc - mean_c)^2 / R;  "
        "y_rc = gamma_c (x_rc - mean_c) / sqrt(var_c + EPSILON) + beta_c",
        "axes = tuple(range(x.ndim - 1)) are all but the last: x.mean(axis=axes) and x.var(axis=axes) are (C,), and "
        "NumPy stretches them over the rows by itself. x.var divides by R.",
    ),
    "batch_norm_backward": (
        "If one number of a channel grows, which y of that channel change, and by what? Name the three reasons.",
        "dx_hat = gamma dy;  dstd = - sum over r of dx_hat_r (x_r - mean) / std^2;  dvar = dstd / (2 std);"
        "  dmean = - sum over r of dx_hat_r / std;  dx_r = dx_hat_r / std + dmean / R + dvar 2 (x_r - mean) / R",
        "axes = tuple(range(x.ndim - 1)) for every sum, R = x.size // x.shape[-1]; dbeta = dy.sum(axis=axes), dgamma = "
        "(dy * x_hat).sum(axis=axes). Put together, dx = gamma / std * (dy - dbeta / R - x_hat * dgamma / R).",
    ),
}
