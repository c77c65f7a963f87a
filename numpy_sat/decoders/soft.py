"""The model "soft": Show, Attend and Tell with soft attention (attend_tell.py), as captioner.py trains and asks it."""

import numpy as np

from numpy_sat import kernels
from numpy_sat.decoders import attend_tell, attend_tell_fused, parts
from numpy_sat.layers import dropout
from numpy_sat.loss import loss_backward, loss_forward

SETTINGS = ("state", "attention", "without", "penalty", "penalty_normalisation", "penalty_target")

select = attend_tell.select


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """All parameters by name, but for those of the parts in config.without."""
    sizes = D, config.embedding, config.state, config.attention
    return parts.removed(attend_tell.init_params(rng, *sizes, log_frequencies, dtype), config.without)


def loss_and_grads(params, a, batch, config, rng, workspace=None):
    """One pass forward and back. a: (N, L, D). Returns the loss.Loss, da: (N, L, D) and gradients by name."""
    decoder, whole = _arranged(a), parts.completed(params)
    mask_h = dropout.dropout_mask(rng, (*batch.words.shape, config.state), config.dropout, a.dtype)
    logits, alpha, cache = decoder.decode_forward(whole, a, batch.words, mask_h, workspace)
    if not parts.has_deep_output(params):
        of_word, cache_word = parts.word_forward(params, batch.words)
        logits = logits - of_word
    loss, cache_loss = loss_forward(logits, alpha, batch, config)
    dlogits, dalpha = loss_backward(cache_loss, workspace)
    da, grads = decoder.decode_backward(dlogits, dalpha, cache, workspace)
    if not parts.has_deep_output(params):
        for name, gradient in parts.word_backward(dlogits, cache_word).items():
            grads[name] = grads[name] - gradient
    return loss, da, {name: grads[name] for name in grads if name in params}


def loss_only(params, a, batch, config, workspace=None):
    """The loss.Loss without dropout and without gradients."""
    mask_h = np.ones((*batch.words.shape, config.state), a.dtype)
    whole = parts.completed(params)
    logits, alpha, _ = _arranged(a).decode_forward(whole, a, batch.words, mask_h, workspace)
    if not parts.has_deep_output(params):
        logits = logits - parts.word_forward(params, batch.words)[0]
    return loss_forward(logits, alpha, batch, config)[0]


def begin(params, a):
    """The state before the first word, one caption a picture. a: (N, L, D)."""
    return attend_tell.begin(parts.completed(params), a)


def step(params, state, words):
    """One word on. words: (B,) the words before. Returns logits: (B, V), alpha: (B, L), beta: (B,), the next state."""
    logits, alpha, beta, state = attend_tell.step(parts.completed(params), state, words)
    if not parts.has_deep_output(params):
        logits = logits - parts.word_forward(params, words)[0]
    return logits, alpha, beta, state


def _arranged(a):
    """The decoder as it is written, or as it is fast."""
    return attend_tell_fused if kernels.use_kernels(a, composite=True) else attend_tell
