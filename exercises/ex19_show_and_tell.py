"""Exercise 19: Show and Tell                               (difficulty 3 of 3, about 75 minutes; builds on exercise 10)

Goal            Feed an image to a language model in the simplest way. Show and Tell (Vinyals et al. 2015) gives it to
                the LSTM once, as the first word. The cell state must then carry everything about the image to the last
                word. Attention was invented to read the image again instead.

Equations       The numbers are those of that paper; rows are vectors; abar is the mean of a over its L locations.
                (10) x_{-1} = abar W_I + b_I;   h, c = LSTM(x_{-1}), from h = c = 0    (N, M); (N, S)    picture_forward
                (11) x_t = E y_t, y_0 = <start>                                       (T, B, M)
                (12) h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}                      (T, B, S)         decode_forward
                     logits_t = (h_t after dropout) L_o + b_o                         (T, B, V)
                There is one LSTM: W_x, W_hh and b are the same for the image and for the words.

Worked example  All sizes 1, L = 2, gates i, f, o open: c' = c + tanh(x), h' = tanh(c').
                a = [[[0.1], [0.3]]]   W_I = [[2]]   b_I = [0.5]   W_x = [[0, 0, 0, 1]]   b = [1000, 1000, 1000, 0]
                The image gives x = 0.9, so c = 0.7163 and h = 0.6146. W_hh = [[0, 0, 0, 0]]
                Find h after a word with E y = 0, and after another with E y = 0.3, where c = 1.0076.
                Back through the image:   dh = [[0]]   dc = [[1]]   dx = 1 - 0.7163^2 = 0.4869   dW_I = [[0.0974]]
                da is 0.4869 at both locations. Why, when dabar is twice that?
                Back from the second word alone:   dlogits = [[[0]], [[1]]]   dE = [[0.4151], [0.3799]]

Your task       1. picture_forward: compute (10), from states of zeros.
                2. picture_backward: compute da, and grads with the keys W_I, b_I, W_x, W_hh and b.
                3. decode_forward: repeat h and c for the `each` = B / N captions of an image, which are side by side.
                4. decode_backward: compute da and all grads. Trap: h and c after the image have `each` uses, and the
                   weights of the LSTM two, the image and the words. For one of the three weights, the image's term is
                   0. Which?

Given           linear.linear_forward(x, W, b)                           embedding.embedding_forward(E, words)
                lstm.lstm_forward(x, h, c, W_x, W_hh, b)                 dropout.dropout_forward(x, mask)
                lstm.lstm_sequence_forward(x, h, c, W_x, W_hh, b)        returns h_all, c, cache
                lstm.lstm_backward(dh, dc, cache)                        returns dx, dh, dc, dW_x, dW_hh, db
                lstm.lstm_sequence_backward(dh_all, dc, cache)           returns the same
                The other backward functions are of the same kind. The caches here hold those of the layers, L
                (`locations`) and `each`; cache_picture is that of picture_forward. They are packed and unpacked for
                you. params and grads are dicts with the names E, W_I, b_I, W_x, W_hh, b, L_o and b_o.

Run             python -m exercises check 19   python -m exercises hint 19   python -m exercises check 19 --pencil
Read            exercises/chapters/from_show_and_tell_to_attention.md: the longer story, with figures
"""

import numpy as np

from numpy_sat.decoders.show_tell import DecodeCache, PictureCache
from numpy_sat.layers import dropout, embedding, linear, lstm


def picture_forward(params, a):
    """Run the first step of the LSTM on the mean annotation abar, from zero states (equation 10).

    Args:
        params: arrays by name: W_I, b_I, W_x, W_hh and b.
        a: (N, L, D) annotations.
    Returns:
        h, c: (N, S) hidden and cell states before <start>.
        cache: what picture_backward needs.
    """
    raise NotImplementedError("exercise 19: picture_forward")
    return h, c, PictureCache(a.shape[1], cache_linear, cache_lstm)


def picture_backward(dh, dc, cache):
    """Compute the gradients of picture_forward.

    Args:
        dh, dc: (N, S).
        cache: from picture_forward.
    Returns:
        da: (N, L, D).
        grads: W_I (D, M), b_I (M,), W_x (M, 4S), W_hh (S, 4S) and b (4S,) by name.
    """
    locations, cache_linear, cache_lstm = cache
    raise NotImplementedError("exercise 19: picture_backward")


def decode_forward(params, a, words, mask_h):
    """Predict every word of whole captions from the image and the true words before it (teacher forcing).

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        words: (T, B) integers y_0 = <start>, y_1, ...; B / N consecutive captions belong to each image.
        mask_h: (T, B, S) dropout mask of h_t on its way to the output.
    Returns:
        logits: (T, B, V).
        cache: what decode_backward needs.
    """
    raise NotImplementedError("exercise 19: decode_forward")
    return logits, DecodeCache(cache_picture, each, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    cache_picture, each, cache_embedding, cache_lstm, cache_dropout, cache_output = cache
    raise NotImplementedError("exercise 19: decode_backward")
