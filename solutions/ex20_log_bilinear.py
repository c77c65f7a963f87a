"""Solution 20: The log-bilinear model.

A bilinear model is linear in the word vectors for fixed matrices, and linear in the matrices for fixed vectors. So both
gradients are those of the affine map, once for each word of the window.

Two arrays have several uses, so their gradients are sums. The image's row is added to every prediction of its captions.
E gives the input vectors, and it is also the weight matrix of the output. Imagine two tables with the same numbers:
each has its own gradient. The shared table moves both at once, so dE is the sum.

Answers to the questions of the page:

r_hat_3 = [2, 5.5]   dC_1 = [[0, -1], [0, 0]]
The windows add [-0.5, 0] in row 0 and [0, -1] in row 1: words 0 and 1 are the window of r_hat_2. With dlogits p - q, no
row of dE would be zero, because p is above 0 for every word.
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
    # C_m abar is the same for every word of an image's captions. Compute one row for each image, (N, M), then repeat it
    # for each caption.
    row_of_image = abar @ C_m
    B, N = Ey.shape[-3], len(abar)
    image_term = np.repeat(row_of_image, B // N, axis=0)  # (B, M)

    # r_hat = sum over i of C_i E y_{t-i} + C_m abar. NumPy broadcasts the image term, (B, M), over the leading axes.
    r_hat = np.zeros((*Ey.shape[:-2], Ey.shape[-1]), Ey.dtype)
    r_hat += image_term
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

    # r_hat = ... + vector_i C_i + ...: a sum of affine maps without bias. Every addend has the gradient dr_hat.
    dEy = np.empty_like(Ey)
    dC = np.empty_like(C)
    drows = dr_hat.reshape(-1, M)  # a row for every word of every caption
    for i in range(len(C)):
        # dvector_i = dr_hat C_i^T
        dEy[..., i, :] = dr_hat @ C[i].T
        # dC_i = sum over rows of vector_i^T dr_hat
        vector_rows = Ey[..., i, :].reshape(-1, M)
        dC[i] = vector_rows.T @ drows

    # drow_of_image_n = sum over words t and over the captions b of image n of dr_hat_tb. The captions of one image are
    # consecutive, so split the axis B into (N, B / N).
    dr_hat_by_image = drows.reshape(-1, N, B // N, M)  # words, images, captions per image, numbers
    over_words = dr_hat_by_image.sum(axis=0)
    drow_of_image = over_words.sum(axis=1)  # (N, M)
    # row_of_image = abar C_m, so dC_m = abar^T drow_of_image
    dC_m = abar.T @ drow_of_image
    # dabar = drow_of_image C_m^T
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

    # The model has no state, so compute all windows of all captions at once.
    window = log_bilinear.windows(words)  # (T, B, n - 1)
    Ey, cache_embedding = embedding.embedding_forward(params["E"], window)
    r_hat, cache_predict = predict_forward(Ey, abar, params["C"], params["C_m"])
    dropped, cache_dropout = dropout.dropout_forward(r_hat, mask_r)

    # logits_v = r_hat . E_v + b_v: the rows of E are the columns of the output weights
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
    # logits = dropped W + b_o with W = E^T, so the output's part of dE is dW^T
    ddropped, dW, db_o = linear.linear_backward(dlogits, cache.output)
    dE_output = dW.T

    # dropped = mask_r r_hat
    dr_hat = dropout.dropout_backward(ddropped, cache.dropout)
    dEy, dabar, dC, dC_m = predict_backward(dr_hat, cache.predict)

    # E has two uses, so dE is the sum of two terms.
    # term 1: through the windows, Ey = E[window]. A word has one gradient for every window that contains it.
    dE_input = embedding.embedding_backward(dEy, cache.embedding)
    # term 2: through the output weights W = E^T
    dE = dE_input + dE_output

    # abar = a_1 / L + ... + a_L / L, so da_i = dabar / L at every location i
    L = cache.locations
    share = dabar / L
    N, D = share.shape
    da = np.empty((N, L, D), share.dtype)
    da[:] = share[:, None, :]
    return da, {"E": dE, "C": dC, "C_m": dC_m, "b_o": db_o}
