"""Exercise 33: A memory that sees only words       (difficulty 3 of 3, about 75 minutes; builds on exercises 10 and 19)

Goal            Train a decoder with two losses. After Chen and Zitnick (2014), a visual memory reads the words alone,
                and reconstructs the image's vector: what should the image look like, after the words so far? The
                language state sees the words and the image. Both states predict the next word.

Equations       V       = abar, the mean of a over its L locations; row b belongs to the image of caption b    (B, D)
                s_t     = LSTM([E y_{t-1}, V], s_{t-1})   u_t = LSTM(E y_{t-1}, u_{t-1})   from zeros, (T, B, S) each
                V_tilde = u_t W_r + b_r                                                                     (T, B, D)
                logits  = [s_t, u_t] L_o + b_o, with [s_t, u_t] after dropout                               (T, B, V)
                loss    = sum over t, b of mask_tb |V_tilde_tb - V_b|^2 / (B D)                              a number
                The model's whole loss is the cross-entropy of the logits plus eta times this loss. Its dlogits and
                dV_tilde arrive together at decode_backward. In the shape (T, B, V), V is the size of the vocabulary.

Worked example  One caption of two words and padding, D = 2:
                V = [[1, 3]]   V_tilde = [[[0, 3]], [[1, 2]], [[9, 9]]]   mask = [[1], [1], [0]]   loss = 1
                1. For dloss = 1, find dV_tilde.
                2. At one word, all sizes are 1: dlogits = 0.5, L_o = [[3], [2]], W_r = [[4]] and dV_tilde = -1, without
                   dropout. So ds = 1.5. Find the two terms of du, and their sum.
                3. The encoder is trained, too. Why does V get no gradient from this loss?
                4. Over the images, each entry of V has the variance 1. What is the loss per word of a memory that
                   always gives the mean of V? With which number do you compare the loss of a trained one?

Your task       1. reconstruction_forward: compute the loss. Trap: padding counts nothing, and V has one row per image.
                2. reconstruction_backward: compute dV_tilde, the only gradient.
                3. decode_forward: compute logits and V_tilde. Trap: u never sees V.
                4. decode_backward: compute da and all grads. Trap: u has two uses, and so have the vectors E y.

Given           embedding.embedding_forward(E, words)  linear.linear_forward(x, W, b)  dropout.dropout_forward(x, mask)
                lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b)     returns h_all, c, cache
                lstm.lstm_sequence_backward(dh_all, dc, cache)        returns dx, dh, dc, dW_x, dW_hh, db
                The other backward functions are of the same kind. All caches are packed and unpacked for you. shape is
                a.shape. cache_s and cache_u are those of the LSTMs, cache_r that of W_r, cache_o that of L_o. The
                weights of s are W_xs, W_ss and b_s; those of u are W_xu, W_uu and b_u.

Run             python -m exercises check 33   python -m exercises hint 33   python -m exercises check 33 --pencil
Read            exercises/chapters/six_ways.md: the longer story, with figures
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
    raise NotImplementedError("exercise 33: reconstruction_forward")
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
    raise NotImplementedError("exercise 33: reconstruction_backward")


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
    raise NotImplementedError("exercise 33: decode_forward")
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
    shape, cache_embedding, cache_s, cache_u, cache_r, cache_dropout, cache_o = cache
    raise NotImplementedError("exercise 33: decode_backward")
