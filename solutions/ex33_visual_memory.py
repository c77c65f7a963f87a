"""Solution 33: A memory that sees only words.

Forward: two LSTMs read the words, and only one of them reads the image as well. The other one, the visual memory, must
find out from the words what the image looks like. Backward: go through the forward pass from its last line to its
first. u has two uses, so its gradient is a sum of two terms. So has E y, which both LSTMs read.

Answers to the questions of the page:

1. dV_tilde = [[[-1, 0]], [[0, -1]], [[0, 0]]]. With B D = 2, the factor 2 of the square cancels.
2. term_1 = 0.5 * 2 = 1, through the logits. term_2 = -1 * 4 = -4, through the reconstruction. So du = -3.
3. An encoder that gives all images the same V makes this loss 0: then the memory knows V without any words. The image's
   vector is a target, as the true words are.
4. It costs 1: each of the D squares is 1 on average, and the loss divides by D. Compare with the variance of V. The
   share of the variance that the memory explains is 1 - loss / variance, where loss is per word.
"""

import numpy as np

from numpy_sat.decoders.visual_memory import DecodeCache
from numpy_sat.layers import dropout, embedding, linear, lstm
from numpy_sat.layers.reconstruction import ReconstructionCache


def reconstruction_forward(V_tilde, V, mask):
    """Compute the reconstruction loss: the mean over captions of sum_t |V - V_tilde_t|^2 / D.

    The image's vector V is a target, and receives no gradient. Otherwise an encoder that is trained with this loss
    could make every V small.

    Args:
        V_tilde: (T, B, D) reconstructions after each word.
        V: (N, D) vectors of the images; B / N consecutive captions belong to each image.
        mask: (T, B) of the same dtype, 1 at words, 0 at padding.
    Returns:
        loss: a scalar.
        cache: what reconstruction_backward needs.
    """
    T, B, D = V_tilde.shape
    N = len(V)

    # Caption b belongs to image b // (B / N). The captions of an image are side by side.
    difference = V_tilde.reshape(T, N, B // N, D) - V[:, None]
    difference = difference.reshape(T, B, D)

    # squared_tb = |V_tilde_tb - V_b|^2, the sum over the D entries
    squared = (difference**2).sum(axis=2)

    # loss = sum over t and b of mask_tb squared_tb / (B D)
    loss = (mask * squared).sum() / (B * D)
    return loss, ReconstructionCache(difference, mask)


def reconstruction_backward(dloss, cache):
    """Compute the gradient of reconstruction_forward.

    Args:
        dloss: gradient of the loss, a scalar.
        cache: from reconstruction_forward.
    Returns:
        dV_tilde: (T, B, D).
    """
    difference, mask = cache
    _, B, D = difference.shape

    # loss = sum of mask_tb squared_tb / (B D), so dsquared_tb = mask_tb dloss / (B D)
    dsquared = mask * (dloss / (B * D))

    # squared_tb = sum over d of difference_tbd^2, so ddifference_tbd = 2 difference_tbd dsquared_tb
    ddifference = 2 * difference * dsquared[:, :, None]

    # difference = V_tilde - V, so dV_tilde = ddifference. V is a target and gets no gradient.
    return ddifference


def decode_forward(params, a, words, mask):
    """Predict every word of whole captions (teacher forcing), and reconstruct the image's vector after each word.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask: (T, B, 2S) dropout mask of [s_t, u_t] on their way to the output.
    Returns:
        logits: (T, B, V).
        V_tilde: (T, B, D).
        cache: what decode_backward needs.
    """
    (T, B), (N, _, D) = words.shape, a.shape
    S = len(params["W_uu"])
    start = np.zeros((B, S), a.dtype)

    # E y_{t-1} for all words: (T, B, M)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)

    # V_b = the mean annotation of the caption's image: (B, D). The captions of an image are side by side.
    abar = a.mean(axis=1)
    V = np.repeat(abar, B // N, axis=0)

    # s_t = LSTM([E y_{t-1}, V], s_{t-1}): every word sees V
    V_at_each_word = np.empty((T, B, D), a.dtype)
    V_at_each_word[:] = V
    x = np.concatenate([Ey, V_at_each_word], axis=2)
    s, _, cache_s = lstm.lstm_sequence_forward(x, start, start, params["W_xs"], params["W_ss"], params["b_s"])

    # u_t = LSTM(E y_{t-1}, u_{t-1}): the memory sees words only
    u, _, cache_u = lstm.lstm_sequence_forward(Ey, start, start, params["W_xu"], params["W_uu"], params["b_u"])

    # V_tilde_t = u_t W_r + b_r, from the whole u_t without dropout
    V_tilde, cache_r = linear.linear_forward(u, params["W_r"], params["b_r"])

    # logits_t = [s_t, u_t] L_o + b_o, with both states after dropout
    both = np.concatenate([s, u], axis=2)
    dropped, cache_dropout = dropout.dropout_forward(both, mask)
    logits, cache_o = linear.linear_forward(dropped, params["L_o"], params["b_o"])
    return logits, V_tilde, DecodeCache(a.shape, cache_embedding, cache_s, cache_u, cache_r, cache_dropout, cache_o)


def decode_backward(dlogits, dV_tilde, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        dV_tilde: (T, B, D).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    N, L, D = cache.shape
    B = dlogits.shape[1]

    # logits_t = [s_t, u_t] L_o + b_o, with both states after dropout
    ddropped, dL_o, db_o = linear.linear_backward(dlogits, cache.o)
    dboth = dropout.dropout_backward(ddropped, cache.dropout)
    S = dboth.shape[2] // 2
    ds, du_output = dboth[:, :, :S], dboth[:, :, S:]

    # V_tilde_t = u_t W_r + b_r
    du_reconstruction, dW_r, db_r = linear.linear_backward(dV_tilde, cache.r)

    # u_t has two uses. term 1: through the output; term 2: through the reconstruction
    du = du_output + du_reconstruction
    end = np.zeros((B, S), du.dtype)  # no step reads the cell states after the last word
    dEy_memory, _, _, dW_xu, dW_uu, db_u = lstm.lstm_sequence_backward(du, end, cache.u)

    # s_t = LSTM([E y_{t-1}, V], s_{t-1})
    dx, _, _, dW_xs, dW_ss, db_s = lstm.lstm_sequence_backward(ds, end, cache.s)
    M = dx.shape[2] - D
    dEy_language, dV = dx[:, :, :M], dx[:, :, M:]

    # E y_{t-1} has two uses. term 1: through the memory; term 2: through the language state
    dE = embedding.embedding_backward(dEy_memory + dEy_language, cache.embedding)

    # dV_b = sum over all words. dabar_n = sum over the captions of image n, which are side by side.
    dV_of_captions = dV.sum(axis=0)
    dabar = dV_of_captions.reshape(N, B // N, D).sum(axis=1)

    # abar_n = sum over i of a_ni / L, so da_ni = dabar_n / L at every location
    da = np.empty((N, L, D), dabar.dtype)
    da[:] = dabar[:, None, :] / L

    grads = {"E": dE, "L_o": dL_o, "b_o": db_o, "W_r": dW_r, "b_r": db_r}
    grads |= {"W_xs": dW_xs, "W_ss": dW_ss, "b_s": db_s, "W_xu": dW_xu, "W_uu": dW_uu, "b_u": db_u}
    return da, grads
