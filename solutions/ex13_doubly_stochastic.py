"""Solution 13: The doubly stochastic penalty.

Forward: sum a caption's maps over its words, see what each location lacks to the target, square, add up. Backward, the
chain rule link by link: penalty <- squares <- missing <- looked <- alpha. The last link is why padding gets nothing,
and why every word of a caption gets the same: the sum over words adds each of them with the factor mask_tb, 1 or 0.
"""

from numpy_sat.layers.losses import DoublyStochasticCache


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """Compute the mean over captions of sum_i (target - sum_t alpha_ti)^2.

    The penalty is small if a caption, summed over its words, gives every location the same attention.

    Args:
        alpha: (T, B, L) attention weights.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
        normalisation: "sum" over locations, as in the paper, or their "mean", as in the authors' code.
        target: "one", as in the paper, or "T/L", words of the caption over L. Uniform attention reaches "T/L" exactly.
    Returns:
        penalty: a scalar.
        cache: what doubly_stochastic_backward needs.
    Raises:
        ValueError: the normalisation or the target is unknown.
    """
    if normalisation not in ("sum", "mean") or target not in ("one", "T/L"):
        raise ValueError(f"penalty: normalisation is sum or mean, target one or T/L, not {normalisation!r}, {target!r}")
    _, B, L = alpha.shape

    # How much each location was looked at, over the words of its caption: at padding, the factor is 0. (B, L).
    of_words = alpha * mask[:, :, None]
    looked = of_words.sum(axis=0)

    # What it should be: 1, or the even share of the T_b words that this caption has (not the T of the longest). (B, 1).
    words = mask.sum(axis=0)[:, None]
    aim = words / L if target == "T/L" else alpha.dtype.type(1)

    # What is missing counts squared, so that too much is as bad as too little.
    missing = aim - looked
    squares = missing * missing

    # The mean over the captions; over their locations the sum, or the mean as well.
    scale = 1 / B
    if normalisation == "mean":
        scale = scale / L
    penalty = scale * squares.sum()
    return penalty, DoublyStochasticCache(missing, mask, scale)


def doubly_stochastic_backward(dpenalty, cache):
    """Compute the gradient of doubly_stochastic_forward.

    It is - 2 (target - sum_t alpha_ti) at every word, times the factor of the mean, and 0 at padding.

    Args:
        dpenalty: gradient of the penalty, a scalar.
        cache: from doubly_stochastic_forward.
    Returns:
        dalpha: (T, B, L).
    """
    missing, mask, scale = cache

    # penalty = scale * sum of squares: every square counts `scale` times.
    dsquares = scale * dpenalty

    # squares_bi = missing_bi^2, whose slope is 2 missing_bi.
    dmissing = 2 * missing * dsquares

    # missing_bi = aim_b - looked_bi: more looking is less missing. (aim does not depend on alpha.)
    dlooked = -dmissing

    # looked_bi = sum over t of mask_tb alpha_tbi: alpha_tbi takes part in it alone, mask_tb times. A new first axis, t,
    # for each word gets the same, and the mask's new last axis, i.
    dalpha = dlooked[None, :, :] * mask[:, :, None]
    return dalpha
