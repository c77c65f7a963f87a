"""Exercise 20: The log-bilinear model                (difficulty 3 of 3, about 75 minutes; builds on exercises 2 and 3)

Goal            Write a language model without a recurrent state. Find the gradient of a table that is used twice.
                Kiros, Salakhutdinov and Zemel (2014) predict the next word's vector from the image and the last n - 1
                words. A word's score is the product of its vector with the prediction.

Equations       r_hat_t  = sum over i = 1 ... n-1 of E y_{t-i} C_i + abar C_m    (T, B, M)   predict_forward
                logits_t = (r_hat_t after dropout) E^T + b_o                     (T, B, V)   decode_forward
                Rows are vectors; abar is the mean of a over its L locations; n - 1 is 5; C_i is C[i - 1] in the code.
                Before a caption's first word, the window holds <start>, whose vector counts like any other. Backward,
                each gradient is a sum over the uses:
                C_i   every prediction, for all t and captions           abar C_m   all words of the image's captions
                E     twice: looked up in the windows, and the weights of the output

Worked example  All other C_i are 0, abar C_m = [2, 4], b_o = 0. The caption begins 0 (<start>), 1, 2.
                E = [[0, 0], [1, 0], [0, 1], [1, 1]]   C_1 = [[1, 0], [0, 1]]   C_2 = [[0, 0.5], [-0.5, 0]]
                r_hat_1 = [2, 4]   r_hat_2 = [3, 4]   logits_2 = [0, 3, 4, 7]                  Find r_hat_3.
                dlogits_2 = [0, 1, 0, -1], none elsewhere:   dr_hat_2 = [0, -1]               Find dC_1.
                dE = [[-0.5, 0], [3, 3], [0, 0], [-3, -4]]
                In dE, the output's term is [3, 4] in row 1 and [-3, -4] in row 3. What do the windows add, in which
                rows? With the cross-entropy's dlogits, p - q, which rows of dE would be zero?

Your task       1. predict_forward: Ey[..., 0, :] belongs to the latest word. A sum of products is one product of the
                   vectors side by side with the matrices one below the other. A loop over i is fine, too.
                2. predict_backward. Trap: B / N captions, side by side, share one row of abar.
                3. decode_forward: windows, embedding, predict_forward, dropout, output.
                4. decode_backward. Trap: dE has two terms, and a has L locations in abar.

Given           log_bilinear.windows(words) is (T, B, n-1): row t has words[t], words[t-1], ..., START. Call
                embedding_forward(E, words), dropout_forward(x, mask) and linear_forward (its weights are E^T) through
                their modules. The caches are packed and unpacked for you. grads: E, C, C_m, b_o.

Run             python -m exercises check 20   python -m exercises hint 20   python -m exercises check 20 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
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
    raise NotImplementedError("exercise 20: predict_forward")
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
    raise NotImplementedError("exercise 20: predict_backward")


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
    raise NotImplementedError("exercise 20: decode_forward")
    return logits, DecodeCache(a.shape[1], cache_embedding, cache_predict, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: E (V, M), C (n - 1, M, M), C_m (D, M) and b_o (V,) by name.
    """
    locations, cache_embedding, cache_predict, cache_dropout, cache_output = cache
    raise NotImplementedError("exercise 20: decode_backward")
