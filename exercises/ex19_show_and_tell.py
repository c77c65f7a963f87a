"""Exercise 19: Show and Tell                               (difficulty 3 of 3, about 75 minutes; builds on exercise 10)

To learn: the simplest way to feed an image to a language model. Show and Tell (Vinyals et al. 2015) gives it to the
LSTM once, as the first word. The cell state must carry all information about it to the last word. Attention was
invented to read the image again instead. The equations have that paper's numbers, and rows are vectors:

    (10)  x_{-1} = abar W_I + b_I, as long as a word's vector; abar = the mean of a over its L locations
          h, c = LSTM(x_{-1}), from h = c = 0                                once per image: picture_forward
    (11)  x_t = E y_t, y_0 = <start>                                         for each of its captions, all words
    (12)  h_t, c_t = LSTM(x_t), from h_{t-1}, c_{t-1}; the first word starts from the image's h and c
          logits_t = (h_t after dropout) L_o + b_o                           all of it: decode_forward

There is one LSTM: W_x, W_hh and b are the same for the image and for the words. So these arrays have several uses, and
their gradients are sums:

    h, c after the image: used by its `each` = B / N captions, which are side by side among the B
    W_x, W_hh, b: used by the steps of the words and of the image (for one of the three, the image's term is 0: which?)
    a at each location: used by the mean, with the factor 1 / L

Predict before you run. All sizes 1, L = 2: a = [[[0.1], [0.3]]], W_I = [[2]], b_I = [0.5]; the gates i, f, o are open
(b = [1000, 1000, 1000, 0]), W_x = [[0, 0, 0, 1]], W_hh = 0: so c' = c + tanh(x), h' = tanh(c'). The image gives
x = 0.9, c = tanh(0.9) = 0.7163, h = 0.6146. What is h after a word with E y = 0? After another with E y =
0.3? (c = 1.0076; find both h.) Back through the image alone, dh = 0 and dc = 1: dx = 1 - 0.7163^2 = 0.4869. What are
dW_I and da? (dW_I = 0.0974. da is 0.4869 at both locations. Why, when dabar is twice that?)

The caches: PictureCache(locations, linear, lstm) holds L and the caches of linear_forward and lstm_forward.
DecodeCache(image, each, embedding, lstm, dropout, output) holds B / N as `each`, and the caches of picture_forward,
embedding_forward, lstm_sequence_forward, dropout_forward and linear_forward. You may call all these layers and their
backward passes through their modules. grads is a dict with the parameters' names.
Run             python -m exercises check 19      python -m exercises hint 19
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
    return logits, DecodeCache(cache_image, each, cache_embedding, cache_lstm, cache_dropout, cache_output)


def decode_backward(dlogits, cache):
    """Compute the gradients of decode_forward.

    Args:
        dlogits: (T, B, V).
        cache: from decode_forward.
    Returns:
        da: (N, L, D).
        grads: gradients by parameter name.
    """
    cache_image, each, cache_embedding, cache_lstm, cache_dropout, cache_output = cache
    raise NotImplementedError("exercise 19: decode_backward")
