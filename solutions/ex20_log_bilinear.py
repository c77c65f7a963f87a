"""Solution 20: The log-bilinear model.

Bilinear means: linear in the words' vectors where the matrices are held still, and linear in the matrices where the
vectors are. So both gradients are those of the affine map, once for each word of the window. Two things gather: the
image's row, which is added to every prediction of its captions, and E, which is read from at one end of the model and
multiplied by at the other. To see that the two parts of dE are added, think of two tables that happen to hold the same
numbers: each has its own gradient, and moving both together, as one table does, counts the sum.
"""

import numpy as np

from numpy_sat.decoders import log_bilinear
from numpy_sat.decoders.log_bilinear import DecodeCache, PredictCache
from numpy_sat.layers import dropout, embedding, linear


def predict_forward(Ey, abar, C, C_m):
    """Predict the embedding of the next word, r_hat = sum_i C_i E y_{t-i} + C_m abar.

    Vectors are rows: C_i x is x @ C[i - 1].

    Args:
        Ey: (..., B, n - 1, M) embeddings of the previous words, the latest first.
        abar: (N, D) mean annotations; B / N consecutive captions belong to each image.
        C: (n - 1, M, M) weights of the words, C_1 first.
        C_m: (D, M) weights of the image.
    Returns:
        r_hat: (..., B, M) predicted embeddings.
        cache: what predict_backward needs.
    """
    # The image says the same to every word of every caption of its own: a row an image, (N, M), then one a caption.
    row_of_image = abar @ C_m
    B, N = Ey.shape[-3], len(abar)
    of_image = np.repeat(row_of_image, B // N, axis=0)  # (B, M)

    # Each word of the window by its own matrix. NumPy stretches the image's (B, M) over what stands before B.
    r_hat = np.zeros((*Ey.shape[:-2], Ey.shape[-1]), Ey.dtype)
    r_hat += of_image
    for i in range(len(C)):
        vector = Ey[..., i, :]  # (..., B, M)
        r_hat += vector @ C[i]
    return r_hat, PredictCache(Ey, abar, C, C_m)


def predict_backward(dr_hat, cache):
    """Compute the gradients of predict_forward.

    Args:
        dr_hat: (..., B, M).
        cache: from predict_forward.
    Returns:
        dEy: (..., B, n - 1, M).
        dabar: (N, D).
        dC: (n - 1, M, M).
        dC_m: (D, M).
    """
    Ey, abar, C, C_m = cache
    B, M = dr_hat.shape[-2:]
    N = len(abar)

    # r_hat = ... + vector_i C_i + ...: an affine map without bias for each i, with one and the same gradient of its
    # result, for a sum hands its gradient on to every term.
    dEy = np.empty_like(Ey)
    dC = np.empty_like(C)
    drows = dr_hat.reshape(-1, M)  # a row for every word of every caption
    for i in range(len(C)):
        dEy[..., i, :] = dr_hat @ C[i].T
        vector_rows = Ey[..., i, :].reshape(-1, M)
        dC[i] = vector_rows.T @ drows

    # The image's row was added to r_hat of all its captions, and in each to all words: two sums. The captions of one
    # image stand side by side, so the axis B is (N, B / N).
    of_images = drows.reshape(-1, N, B // N, M)  # words, images, captions of each, numbers
    over_words = of_images.sum(axis=0)
    drow_of_image = over_words.sum(axis=1)  # (N, M)
    dC_m = abar.T @ drow_of_image
    dabar = drow_of_image @ C_m.T
    return dEy, dabar, dC, dC_m


def decode_forward(params, a, words, mask_r):
    """Predict every word of whole captions from the image and the n - 1 true words before it.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_r: (T, B, M) dropout mask of r_hat.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    L = a.shape[1]
    abar = a.sum(axis=1) / L

    # There is no state, so no word waits for another: all windows of all captions at once.
    window = log_bilinear.windows(words)  # (T, B, n - 1)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], window)
    r_hat, cache_predict = predict_forward(Ey, abar, params["C"], params["C_m"])
    dropped, cache_dropout = dropout.dropout_forward(r_hat, mask_r)

    # logits_v = r_hat . E_v + b_v: the rows of E are the columns of the output's weights.
    W = params["E"].T
    logits, cache_output = linear.linear_forward(dropped, W, params["b_o"])
    return logits, DecodeCache(L, cache_embedding, cache_predict, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: E (V, M), C (n - 1, M, M), C_m (D, M) and b_o (V,) by name.
    """
    # The output: an affine map with W = E^T. dW is (M, V), and E its transpose.
    ddropped, dW, db_o = linear.linear_backward(dlogits, cache.output)
    dE_written = dW.T

    dr_hat = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dabar, dC, dC_m = predict_backward(dr_hat, cache.predict)

    # The windows: only rows of words that were read get something here; a word gets it for every window it stands in.
    dE_read = embedding.embedding_backward(dEy, cache.embedding)
    dE = dE_read + dE_written

    # abar = a_1 / L + ... + a_L / L: each location has the share 1 / L in it, and gets that share back.
    L = cache.locations
    share = dabar / L
    N, D = share.shape
    da = np.empty((N, L, D), share.dtype)
    da[:] = share[:, None, :]
    return da, {"E": dE, "C": dC, "C_m": dC_m, "b_o": db_o}
