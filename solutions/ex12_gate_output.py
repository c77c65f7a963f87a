"""Solution 12: The gate and the deep output.

The gate multiplies a vector by one number: on the way back the vector gets the number, and the number a sum over the
vector. The output adds three terms in the space of the words' embeddings and maps the sum to a score for every word:
on the way back every term gets what the sum gets, and those that are products hand it on to both their factors.
"""

from numpy_sat.layers import activations, linear
from numpy_sat.layers.attention import GateCache
from numpy_sat.layers.output import OutputCache


def gate_forward(z, h, w_beta, b_beta):
    """Scale each context vector by a learned gate between 0 and 1 (section 4.2.1).

    Args:
        z: (B, D) context vectors.
        h: (B, S) hidden states before the word.
        w_beta: (S,) weights of the gate.
        b_beta: (1,) bias of the gate.
    Returns:
        gated: (B, D) beta_t z_t.
        cache: what gate_backward needs.
    """
    # affine_b = sum over s of h_bs w_beta_s + b_beta: one number a caption.
    affine = h @ w_beta + b_beta  # (B,)
    beta, cache_beta = activations.sigmoid_forward(affine)

    # That number times all components of z_b.
    beta_of_each = beta[:, None]  # (B, 1), stretched over the D components
    gated = beta_of_each * z
    return gated, GateCache(z, h, w_beta, cache_beta)


def gate_backward(dgated, cache):
    """Compute the gradients of gate_forward.

    Args:
        dgated: (B, D) gradient of the gated context vectors.
        cache: from gate_forward.
    Returns:
        dz: (B, D).
        dh: (B, S).
        dw_beta: (S,).
        db_beta: (1,).
    """
    beta = cache.beta.y

    # gated_bd = beta_b z_bd. z_bd takes part in gated_bd alone, there times beta_b.
    dz = beta[:, None] * dgated

    # beta_b takes part in gated_bd of every d, there times z_bd: a sum over d.
    dbeta = (dgated * cache.z).sum(axis=1)  # (B,)

    # beta = sigm(affine): the slope of sigm is beta (1 - beta).
    daffine = dbeta * beta * (1 - beta)  # (B,)

    # affine_b = sum over s of h_bs w_beta_s + b_beta. h_bs takes part in affine_b alone, there times w_beta_s.
    dh = daffine[:, None] * cache.w_beta  # (B, 1) times (S,): every pair of a caption and a unit

    # w_beta_s and b_beta take part in affine_b of every caption, there times h_bs, and times 1: sums over b.
    dw_beta = daffine @ cache.h
    db_beta = daffine.sum().reshape(1)
    return dz, dh, dw_beta, db_beta


def output_forward(Ey, h, z, L_h, L_z, L_o, b_o):
    """Compute the logits of the next word (equation 7).

    Args:
        Ey: (..., M) embedding vectors of the previous words.
        h: (..., S) hidden states.
        z: (..., D) context vectors.
        L_h: (S, M) projection of the hidden state.
        L_z: (D, M) projection of the context vector.
        L_o: (M, V) output matrix.
        b_o: (V,) output biases.
    Returns:
        logits: (..., V) log p(y_t | a, y_1..t-1), up to a constant for each word position.
        cache: what output_backward needs.
    """
    # State and context are brought to M numbers, as the embedded word has them, so that the three can be added.
    from_state = h @ L_h
    from_image = z @ L_z
    inner = Ey + from_state + from_image

    # A score for every word of the vocabulary. Each row of the inner axis M says what a number there does to all words.
    logits, cache_linear = linear.linear_forward(inner, L_o, b_o)
    return logits, OutputCache(h, z, L_h, L_z, cache_linear)


def output_backward(dlogits, cache):
    """Compute the gradients of output_forward.

    Args:
        dlogits: (..., V) gradient of the logits.
        cache: from output_forward.
    Returns:
        dEy: (..., M).
        dh: (..., S).
        dz: (..., D).
        dL_h: (S, M).
        dL_z: (D, M).
        dL_o: (M, V).
        db_o: (V,).
    """
    inner, L_o = cache.linear

    # All axes but the last only count rows, each a word of a caption. Rows do not meet, so one axis will do.
    def rows(array):
        return array.reshape(-1, array.shape[-1])

    # logits_nk = sum over m of inner_nm L_o_mk + b_o_k. inner_nm takes part in logits_nk of every word k.
    dinner = dlogits @ L_o.T

    # L_o_mk takes part in logits_nk of every row n, there times inner_nm; b_o_k too, times 1.
    dL_o = rows(inner).T @ rows(dlogits)
    db_o = rows(dlogits).sum(axis=0)

    # inner = Ey + h L_h + z L_z: a sum hands what came in to each of its terms.
    dEy = dinner
    dfrom_state = dinner
    dfrom_image = dinner

    # Two of them are products, h L_h and z L_z: back to each factor by way of the other, as for inner and L_o above.
    dh = dfrom_state @ cache.L_h.T
    dL_h = rows(cache.h).T @ rows(dfrom_state)
    dz = dfrom_image @ cache.L_z.T
    dL_z = rows(cache.z).T @ rows(dfrom_image)
    return dEy, dh, dz, dL_h, dL_z, dL_o, db_o
