"""The decoder of attend_tell.py with hard attention (Xu et al. section 4.1): z_t is one annotation, and has no gate.

Where it looks the recurrence leaves to `look(alpha)`, which returns the weights of z_t = sum_i weights_ti a_i, the
location and a cache: in training a draw (hard_attention.draw_forward), in captioning maybe something else.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from numpy_sat.decoders import attend_tell
from numpy_sat.layers import attention, dropout, embedding, hard_attention, linear, lstm, output, softmax


class RecurCache(NamedTuple):
    score: attention.ScoreCache
    softmax: softmax.SoftmaxCache
    draw: hard_attention.DrawCache
    context: attention.ContextCache
    lstm: lstm.LSTMCache


class DecodeCache(NamedTuple):
    state: attend_tell.FirstStateCache
    keys: linear.LinearCache
    each: int  # captions a picture
    embedding: embedding.EmbeddingCache
    steps: list
    dropout: dropout.DropoutCache
    output: output.OutputCache


def decode_forward(params, a, words, mask_h, uniforms, expected):
    """Teacher forcing: every word is predicted from the true words before it.

    a: (N, L, D) annotations; words: (T, B) integers y_0 = <start>, y_1, ..., B / N captions a picture in order;
    mask_h: (T, B, S) dropout mask of h_t on its way to the output; uniforms: (T, B), what locations are drawn with;
    expected: (B,) bool, the captions that get the expected context instead.
    Returns logits: (T, B, V), alpha: (T, B, L), the locations s: (T, B) and the cache.
    """
    h0, c0, cache_state = attend_tell.first_state_forward(params, a)
    keys, cache_keys = linear.linear_forward(a, params["W_a"], params["b_a"])
    each = words.shape[1] // len(a)
    h, c = (np.repeat(x, each, axis=0) for x in (h0, c0))
    Ey, cache_embedding = embedding.embedding_forward(params["E"], words)
    hs, zs, alphas, drawn, steps = [], [], [], [], []
    for Ey_t, uniforms_t in zip(Ey, uniforms, strict=True):
        look = partial(hard_attention.draw_forward, uniforms=uniforms_t, expected=expected)
        h, c, z, alpha, s, cache = recur_forward(params, a, keys, Ey_t, h, c, look)
        for kept, value in ((hs, h), (zs, z), (alphas, alpha), (drawn, s), (steps, cache)):
            kept.append(value)
    dropped, cache_dropout = dropout.dropout_forward(np.stack(hs), mask_h)
    logits, cache_output = output.output_forward(
        Ey, dropped, np.stack(zs), params["L_h"], params["L_z"], params["L_o"], params["b_o"]
    )
    cache = DecodeCache(cache_state, cache_keys, each, cache_embedding, steps, cache_dropout, cache_output)
    return logits, np.stack(alphas), np.stack(drawn), cache


def decode_backward(dlogits, dalpha, cache):
    """dlogits: (T, B, V); dalpha: (T, B, L), of all that alpha learns by. Returns da: (N, L, D) and grads by name.

    Through a location that was drawn alpha gets nothing: what it learns from draws is in dalpha.
    """
    grads = {}
    dEy, ddropped, dz, grads["L_h"], grads["L_z"], grads["L_o"], grads["b_o"] = output.output_backward(
        dlogits, cache.output
    )
    dhs = dropout.dropout_backward(ddropped, cache.dropout)
    dh = dc = np.zeros_like(dhs[0])
    da = dkeys = 0
    for t in reversed(range(len(dhs))):
        da_t, dkeys_t, dEy_t, dh, dc, grads_t = recur_backward(dhs[t] + dh, dc, dz[t], dalpha[t], cache.steps[t])
        dEy[t] += dEy_t
        da, dkeys = da + da_t, dkeys + dkeys_t
        for name, gradient in grads_t.items():
            grads[name] = grads[name] + gradient if name in grads else gradient
    grads["E"] = embedding.embedding_backward(dEy, cache.embedding)
    dh0, dc0 = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    da_keys, grads["W_a"], grads["b_a"] = linear.linear_backward(dkeys, cache.keys)
    dabar, grads_state = attend_tell.first_state_backward(dh0, dc0, cache.state)
    return da + da_keys + dabar[:, None], {**grads, **grads_state}


def recur_forward(params, a, keys, Ey, h, c, look):
    """One word's attention and LSTM.

    params: arrays by name, of which W_h, v, W_x, W_hh and b are read; a: (N, L, D) annotations; keys: (N, L, A), their
    W_a a + b_a; Ey: (B, M) the words before; h, c: (B, S) state and memory they have left; look: as above.
    Returns h, c: (B, S), z: (B, D), alpha: (B, L), the locations s: (B,) and the cache.
    """
    e, cache_score = attention.score_forward(keys, h, params["W_h"], params["v"])  # (4)
    alpha, cache_softmax = softmax.softmax_forward(e)  # (5)
    weights, s, cache_draw = look(alpha)
    z, cache_context = attention.context_forward(weights, a)  # (6)
    x = np.concatenate([Ey, z], axis=1)
    h, c, cache_lstm = lstm.lstm_forward(x, h, c, params["W_x"], params["W_hh"], params["b"])  # (1) (2) (3)
    return h, c, z, alpha, s, RecurCache(cache_score, cache_softmax, cache_draw, cache_context, cache_lstm)


def recur_backward(dh, dc, dz, dalpha, cache):
    """dh: (B, S) from output and word after; dc: (B, S) from the word after; dz: (B, D) from output; dalpha: (B, L).

    Returns da: (N, L, D), dkeys: (N, L, A), dEy: (B, M), dh, dc: (B, S) of the word before, and grads by name:
    W_h: (S, A), v: (A,), W_x: (M + D, 4S), W_hh: (S, 4S), b: (4S,).
    """
    grads = {}
    dx, dh_lstm, dc, grads["W_x"], grads["W_hh"], grads["b"] = lstm.lstm_backward(dh, dc, cache.lstm)
    M = dx.shape[1] - dz.shape[1]
    dEy, dcontext = np.ascontiguousarray(dx[:, :M]), dz + dx[:, M:]
    dweights, da = attention.context_backward(dcontext, cache.context)
    dalpha = dalpha + hard_attention.draw_backward(dweights, cache.draw)
    de = softmax.softmax_backward(dalpha, cache.softmax)
    dkeys, dh_score, grads["W_h"], grads["v"] = attention.score_backward(de, cache.score)
    return da, dkeys, dEy, dh_lstm + dh_score, dc, grads
