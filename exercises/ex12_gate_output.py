"""Exercise 12: The gate and the deep output         (difficulty 2 of 3, about 60 minutes; builds on exercises 3 and 28)

Goal            Write two small layers around the LSTM. Some words need the image more than others: "red" does, "of"
                does not. So the gate scales the context z by one number between 0 and 1. The deep output predicts the
                next word from the word before, the hidden state and the image.

Equations       beta_b  = sigm(w_beta . h_b + b_beta)            (B,)        Xu et al. 2015, section 4.2.1
                gated_b = beta_b z_b                             (B, D)
                inner   = E y_{t-1} + h_t L_h + z_t L_z          (..., M)
                (7) logits = inner L_o + b_o                     (..., V)    p = softmax(logits)

Worked example  Gate:    z = [[2, 4]]   h = [[1, 3]]   w_beta = [0, 0]   b_beta = [0]   gated = [[1, 2]]   beta = [1/2]
                         dgated = [[1, 1]]   dz = [[0.5, 0.5]]   dbeta = 2 + 4 = 6      Find dw_beta, db_beta and dh.
                Output:  Ey = [[1]]   h = [[2]]   z = [[3]]   L_h = [[1]]   L_z = [[2]]   L_o = [[1, -1]]   b_o = [0, 5]
                         logits = [[9, -4]]   dlogits = [[2, -1]]   dL_o = [[18, -9]]   inner = [[9]]   dinner = [[3]]
                         Find dEy, dh, dz, dL_h and dL_z.
                If L_o and b_o were 0, what would each word's probability be, out of V words, and its loss?

Your task       1. gate_forward: compute gated.
                2. gate_backward: beta_b multiplies all D components of z_b. What kind of sum is its gradient? Trap:
                   db_beta has the shape (1,).
                3. output_forward: compute the logits.
                4. output_backward: each term of a sum has the same gradient, dinner. Trap: arrays may have more axes,
                   such as (T, B, M). All but the last count rows.

Given           activations.sigmoid_forward(s) returns sigm(s) and its cache; sigmoid_backward(dy, cache_beta) is dy *
                y (1 - y). linear.linear_forward(inner, L_o, b_o) returns its result and cache_linear;
                linear_backward(dlogits, cache_linear) returns the gradients of inner, L_o and b_o. The caches are
                packed and unpacked for you.

Run             python -m exercises check 12   python -m exercises hint 12   python -m exercises check 12 --pencil
Read            exercises/chapters/decoder_through_time.md: the longer story, with figures
"""

import numpy as np

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
    raise NotImplementedError("exercise 12: gate_forward")
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
    z, h, w_beta, cache_beta = cache
    beta = cache_beta.y
    raise NotImplementedError("exercise 12: gate_backward")


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
    raise NotImplementedError("exercise 12: output_forward")
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
    h, z, L_h, L_z, cache_linear = cache
    raise NotImplementedError("exercise 12: output_backward")
