"""Let the decoder of attend_tell.py write captions of soft words, which have a gradient (layers/gumbel.py).

The decoder reads its own word before it writes the next one. So the gradient of a word has a term through everything
that is written after it. After <end> nothing is written, and no gradient flows.
"""

from typing import Any, NamedTuple

import numpy as np

from numpy_sat.data.vocabulary import END, START
from numpy_sat.decoders import attend_tell, shallow_output
from numpy_sat.layers import embedding, gumbel, output, softmax

DEEP, SHALLOW = (output, ("L_h", "L_z", "L_o", "b_o")), (shallow_output, ("L_h", "L_o", "b_o"))  # layer and parameters


class StepCache(NamedTuple):
    """The caches of one word."""

    mixture: gumbel.MixtureCache
    recur: attend_tell.RecurCache
    output: Any  # cache of the output layer
    gumbel: gumbel.GumbelCache


class WriteCache(NamedTuple):
    """The caches that write_forward keeps for write_backward."""

    parts: attend_tell.Parts
    state: attend_tell.FirstStateCache
    keys: Any  # cache of the attention's keys_forward
    each: int  # captions per image
    mask: np.ndarray  # (T, B)
    steps: list  # T records of StepCache


def write_forward(params, a, noise, temperature, parts, is_hard=True):
    """Write a caption of soft words for each column of the noise.

    Args:
        params: arrays by name.
        a: (N, L, D) annotations.
        noise: (T, B, V) Gumbel noise; B / N consecutive captions belong to each image.
        temperature: tau.
        parts: attend_tell.Parts.
        is_hard: True for one-hot words with the gradient of soft ones; False for soft words, as gradient checks need.
    Returns:
        y: (T, B, V) words.
        mask: (T, B) 1 at words up to <end>, which is a word, and 0 after it.
        log_p: (T, B) log-probabilities of the likeliest words of y, 0 after <end>.
        cache: what write_backward needs.
    """
    T, B, V = noise.shape
    h, c, cache_state = attend_tell.first_state_forward(params, a)
    keys, cache_keys = parts.attention.keys_forward(params, a)
    h, c = (np.repeat(x, B // len(a), axis=0) for x in (h, c))
    layer, names = DEEP if parts.deep_output else SHALLOW
    words = embedding.one_hot(np.full(B, START), V).astype(a.dtype)
    ys, log_p, steps, mask = [], [], [], np.zeros((T, B), a.dtype)
    alive = np.ones(B, bool)
    for t in range(T):
        Ey, cache_mixture = gumbel.mixture_forward(params["E"], words)
        h, c, z, _, cache_recur = attend_tell.recur_forward(params, a, keys, Ey, h, c, parts)
        logits, cache_output = layer.output_forward(Ey, h, z, *(params[name] for name in names))
        p, cache_gumbel = gumbel.gumbel_softmax_forward(logits, noise[t].astype(a.dtype), temperature)
        words = gumbel.straight_through(p) if is_hard else p
        likeliest = p.argmax(axis=1)
        mask[t] = alive
        log_p.append(softmax.log_softmax(logits)[np.arange(B), likeliest] * alive)
        alive &= likeliest != END
        ys.append(words)
        steps.append(StepCache(cache_mixture, cache_recur, cache_output, cache_gumbel))
        if not alive.any():
            break
    mask = mask[: len(ys)]
    cache = WriteCache(parts, cache_state, cache_keys, B // len(a), mask, steps)
    return np.stack(ys), mask, np.stack(log_p), cache


def write_backward(dy, cache):
    """Compute the gradients of write_forward, of the words up to <end>.

    Args:
        dy: (T, B, V) gradient of the words.
        cache: from write_forward.
    Returns:
        grads: gradients by parameter name. The annotations have none, because the encoder is not trained.
    """
    parts, mask = cache.parts, cache.mask
    layer, names = DEEP if parts.deep_output else SHALLOW
    dh = dc = np.zeros_like(cache.steps[0].recur.lstm.h)
    dkeys, grads, dwords_next = 0, {"E": 0}, 0
    dalpha = np.zeros((len(dh), cache.state.locations), dh.dtype)
    for t in reversed(range(len(cache.steps))):
        step = cache.steps[t]
        # gradient of word t = term 1: the argument dy_t + term 2: the decoder reads it before word t + 1
        dwords = (dy[t] + dwords_next) * mask[t][:, None]
        dlogits = gumbel.gumbel_softmax_backward(dwords, step.gumbel)
        dEy_output, dh_output, dz, *output_grads = layer.output_backward(dlogits, step.output)
        # gradient of h_t = term 1: through the output + term 2: through the next word
        _, dkeys_t, dEy, dh, dc, grads_t = attend_tell.recur_backward(dh + dh_output, dc, dz, dalpha, step.recur)
        # gradient of E y_{t-1} = term 1: through the LSTM + term 2: through the output, 0 if that does not read it
        grads_t["E"], dwords_next = gumbel.mixture_backward(dEy + dEy_output, step.mixture)
        dkeys = dkeys + dkeys_t
        for name, gradient in (grads_t | dict(zip(names, output_grads, strict=True))).items():
            grads[name] = grads.get(name, 0) + gradient
    dh0, dc0 = (d.reshape(-1, cache.each, d.shape[1]).sum(axis=1) for d in (dh, dc))
    _, grads_keys = parts.attention.keys_backward(dkeys, cache.keys)
    _, grads_state = attend_tell.first_state_backward(dh0, dc0, cache.state)
    return {**grads, **grads_keys, **grads_state}
