"""Typical mistakes in exercise 18."""

from .record import Mistake

MISTAKES = [
    Mistake(
        18,
        "batch_norm_forward",
        "var = (centered * centered).mean(axis=axes)",
        "var = x.var(axis=axes, ddof=1)",
        "var",
        r"R - 1|less one|one too few|ddof",
        "divides the variance by R - 1",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "std = np.sqrt(var + EPSILON)",
        "std = np.sqrt(var + 1e-8)",
        "std",
        r"1e-8",
        "uses another epsilon, which changes the numbers very little",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "std = np.sqrt(var + EPSILON)",
        "std = x.std(axis=axes) + EPSILON",
        "std",
        r"(?i)epsilon.*(root|sqrt|under|outside)",
        "adds epsilon outside the root",
    ),
    Mistake(
        18,
        "batch_norm_forward",
        "axes = tuple(range(x.ndim - 1))",
        "axes = (0, 2, 3) if x.ndim == 4 else 0",
        "mean or axes",
        r"channel|last axis|axis 1",
        "uses axis 1 for the channels, as PyTorch does",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dx = through_itself + through_mean + through_variance",
        "dx = (dx_hat - dx_hat.mean(axis=axes)) / std",
        "dx or through_variance",
        r"variance.*(missing|forgotten)|(missing|forgotten).*variance",
        "forgets that the variance depends on x, too",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dx = through_itself + through_mean + through_variance",
        """\
N = dy.shape[0]
    of_mean, of_variance = dx_hat.sum(axis=axes), x_hat * (dx_hat * x_hat).sum(axis=axes)
    dx = (N * dx_hat - of_mean - of_variance) / (N * std)""",
        "rows or dx",
        r"images|N H W|all rows",
        "divides by the number of images instead of the number of rows",
    ),
    Mistake(
        18,
        "batch_norm_backward",
        "dvar = dstd / (2 * std)",
        "dvar = (dx_hat * centered * -0.5 * std**-1.5).sum(axis=axes)",
        "dvar or dstd",
        r"power|exponent|root|variance|cube|\^|\*\*",
        "uses the standard deviation instead of the variance in the derivative",
    ),
]
