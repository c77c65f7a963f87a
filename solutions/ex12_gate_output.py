"""Solution 12: The gate and the deep output.

The gate multiplies a vector by one number. Backward, the vector's gradient is multiplied by the number. The number's
gradient is a sum over the vector.

The output layer adds three terms in the space of the word embeddings and maps the sum to a score for every word.
Backward, each term has the gradient of the sum. The two terms that are products pass it on to both factors.

Answers to the questions of the page:

Gate: dw_beta = [1.5, 4.5]   db_beta = [1.5]   dh = [[0, 0]]
Output: dEy = [[3]]   dh = [[3]]   dz = [[6]]   dL_h = [[6]]   dL_z = [[9]]
If L_o and b_o were 0, every word would have the probability 1 / V and the loss ln V.
beta_b multiplies all D components, so its gradient is the dot product of dgated_b and z_b.
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
        gated: (B, D) context vectors times beta, beta_t z_t.
        cache: what gate_backward needs.
    """
    # affine_b = sum over s of h_bs w_beta_s + b_beta: one number for each caption
    affine = h @ w_beta + b_beta  # (B,)
    beta, cache_beta = activations.sigmoid_forward(affine)

    # gated_bd = beta_b z_bd
    beta_column = beta[:, None]  # (B, 1), broadcast over the D components
    gated = beta_column * z
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

    # Forward: gated_bd = beta_b z_bd.
    # dz_bd = beta_b dgated_bd
    dz = beta[:, None] * dgated

    # dbeta_b = sum over d of dgated_bd z_bd, because beta_b multiplies every component
    dbeta = (dgated * cache.z).sum(axis=1)  # (B,)

    # beta = sigm(affine) has the slope beta (1 - beta), so daffine_b = dbeta_b beta_b (1 - beta_b)
    daffine = dbeta * beta * (1 - beta)  # (B,)

    # Forward: affine_b = sum over s of h_bs w_beta_s + b_beta.
    # dh_bs = daffine_b w_beta_s
    dh = daffine[:, None] * cache.w_beta  # (B, 1) times (S,), an outer product

    # dw_beta_s = sum over b of daffine_b h_bs
    dw_beta = daffine @ cache.h
    # db_beta = sum over b of daffine_b
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
    # inner = E y_{t-1} + L_h h_t + L_z z_t. L_h and L_z project to M numbers, the size of the embedded word.
    from_state = h @ L_h
    from_image = z @ L_z
    inner = Ey + from_state + from_image

    # (7) logits_nk = sum over m of inner_nm L_o_mk + b_o_k, a score for every word of the vocabulary
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

    # All axes but the last count rows, one for each word of a caption. Merge them into one axis.
    def rows(array):
        return array.reshape(-1, array.shape[-1])

    # Forward: logits_nk = sum over m of inner_nm L_o_mk + b_o_k.
    # dinner_nm = sum over k of dlogits_nk L_o_mk
    dinner = dlogits @ L_o.T

    # dL_o_mk = sum over n of inner_nm dlogits_nk
    dL_o = rows(inner).T @ rows(dlogits)
    # db_o_k = sum over n of dlogits_nk
    db_o = rows(dlogits).sum(axis=0)

    # inner = Ey + h L_h + z L_z, so each of the three addends has the gradient dinner
    dEy = dinner
    dfrom_state = dinner
    dfrom_image = dinner

    # from_state_nm = sum over s of h_ns L_h_sm, so dh_ns = sum over m of dfrom_state_nm L_h_sm
    dh = dfrom_state @ cache.L_h.T
    # dL_h_sm = sum over n of h_ns dfrom_state_nm
    dL_h = rows(cache.h).T @ rows(dfrom_state)
    # from_image_nm = sum over d of z_nd L_z_dm, so dz_nd = sum over m of dfrom_image_nm L_z_dm
    dz = dfrom_image @ cache.L_z.T
    # dL_z_dm = sum over n of z_nd dfrom_image_nm
    dL_z = rows(cache.z).T @ rows(dfrom_image)
    return dEy, dh, dz, dL_h, dL_z, dL_o, db_o
