"""Solution 13: The doubly stochastic penalty.

Forward: sum a caption's attention maps over its words, subtract the sums from the target, square, and add up.
Backward: apply the chain rule to each step, penalty <- squares <- missing <- attention_sum <- alpha. The last step
multiplies by mask_tb. So padding has no gradient, and all words of a caption have the same gradient.

Answers to the questions of the page:

1. dalpha = [-1.6, -0.2, -0.8, 0.6] for each of the three words. The penalty depends only on the sum of the maps, in
   which each map has the factor 1.
2. All three maps have the weight 1 at the same location. Then missing = [-2, 1, 1, 1] up to the order.
3. The maps with the sum 3/4 at each location: missing is 1/4 there, and penalty = 0.25. It is not 0, because three maps
   have the sum 3 in all, and four locations need 4.
"""

from numpy_sat.layers.losses import DoublyStochasticCache


def doubly_stochastic_forward(alpha, mask, normalisation="sum", target="one"):
    """Compute the doubly stochastic attention penalty: the mean over captions of sum_i (target - sum_t alpha_ti)^2.

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

    # attention_sum_bi = sum over t of mask_tb alpha_tbi, (B, L): the mask removes padding
    masked_alpha = alpha * mask[:, :, None]
    attention_sum = masked_alpha.sum(axis=0)

    # aim_b = 1, or T_b / L with the caption's own number of words T_b, not that of the longest caption: (B, 1)
    words = mask.sum(axis=0)[:, None]
    aim = words / L if target == "T/L" else alpha.dtype.type(1)

    # missing_bi = aim_b - attention_sum_bi. It is squared, so that too much attention counts like too little.
    missing = aim - attention_sum
    squares = missing * missing

    # penalty = sum over b and i of missing_bi^2 / B, or / (B L) for the mean over locations
    scale = 1 / B
    if normalisation == "mean":
        scale = scale / L
    penalty = scale * squares.sum()
    return penalty, DoublyStochasticCache(missing, mask, scale)


def doubly_stochastic_backward(dpenalty, cache):
    """Compute the gradient of doubly_stochastic_forward.

    It is - 2 scale (target - sum_t alpha_ti) at every word and 0 at padding. The scale is 1 / B, or 1 / (B L) if the
    normalisation is "mean".

    Args:
        dpenalty: gradient of the penalty, a scalar.
        cache: from doubly_stochastic_forward.
    Returns:
        dalpha: (T, B, L).
    """
    missing, mask, scale = cache

    # penalty = scale * sum of squares, so dsquares = scale dpenalty for every square
    dsquares = scale * dpenalty

    # squares_bi = missing_bi^2, so dmissing_bi = 2 missing_bi dsquares
    dmissing = 2 * missing * dsquares

    # missing_bi = aim_b - attention_sum_bi, so dattention_sum_bi = - dmissing_bi. (aim does not depend on alpha.)
    dattention_sum = -dmissing

    # attention_sum_bi = sum over t of mask_tb alpha_tbi, so dalpha_tbi = mask_tb dattention_sum_bi. The gradient is
    # broadcast over the words t, the mask over the locations i.
    dalpha = dattention_sum[None, :, :] * mask[:, :, None]
    return dalpha
