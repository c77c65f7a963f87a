"""Typical mistakes in exercise 38."""

from .record import Mistake

MISTAKES = [
    Mistake(
        38,
        "layer_norm_backward",
        "    dx = through_itself + through_mean + through_variance\n",
        """\
    of_variance = x_hat * (x_hat * dy).mean(axis=-1, keepdims=True)
    dx = gamma / std * (dy - dy.mean(axis=-1, keepdims=True) - of_variance)
""",
        "dx",
        r"gamma",
        "takes gamma out of the means, as in batch normalization",
    ),
    Mistake(
        38,
        "layer_norm_forward",
        "    var = (centered * centered).mean(axis=-1, keepdims=True)\n",
        "    var = x.var(axis=-1, keepdims=True, ddof=1)\n",
        "std or var",
        r"S - 1|one too few|ddof",
        "divides the variance by S - 1",
    ),
    Mistake(
        38,
        "layer_norm_forward",
        "    std = np.sqrt(var + x.dtype.type(EPSILON))\n",
        "    std = np.sqrt(var) + EPSILON\n",
        "std",
        r"(?i)epsilon.*(root|sqrt|under|outside)",
        "adds epsilon outside the root",
    ),
    Mistake(
        38,
        "layer_norm_forward",
        "    mean = x.mean(axis=-1, keepdims=True)\n    centered = x - mean\n",
        "    mean = x.mean(axis=0, keepdims=True)\n    centered = x - mean\n",
        "mean",
        r"axis|vector",
        "takes the mean over the batch",
    ),
    Mistake(
        38,
        "layer_norm_backward",
        "    dgamma = (dy * x_hat).sum(axis=rows)\n",
        "    dgamma = (dy * x).sum(axis=rows)\n",
        "dgamma",
        r"x_hat|`x`",
        "multiplies by x where x_hat belongs",
    ),
    Mistake(
        38,
        "layer_norm_backward",
        "    dx = through_itself + through_mean + through_variance\n",
        "    dx = through_itself + through_mean\n",
        "dx or through_variance",
        r"variance",
        "forgets that the variance depends on x, too",
    ),
    Mistake(
        38,
        "layer_norm_backward",
        "    through_variance = x_hat * dstd_over_S\n",
        "    through_variance = dstd_over_S\n",
        "through_variance or dx",
        r"x_hat|factor",
        "forgets the factor x_hat of the term through the variance",
    ),
    Mistake(
        38,
        "layer_norm_backward",
        "    through_mean = -dx_hat.mean(axis=-1, keepdims=True) / std\n",
        "    through_mean = -dx_hat.sum(axis=-1, keepdims=True) / std\n",
        "through_mean or dx",
        r"mean|sum|S\b",
        "sums where a mean belongs",
    ),
]
