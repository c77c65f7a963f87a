"""The model "tell": Show and Tell (show_tell.py), as captioner.py trains and asks it."""

import numpy as np

from numpy_sat import kernels
from numpy_sat.decoders import parts, show_tell, show_tell_fused
from numpy_sat.layers import dropout
from numpy_sat.loss import loss_backward, loss_forward

SETTINGS = ("state",)

begin, step, select = show_tell.begin, show_tell.step, show_tell.select


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """All parameters by name."""
    parts.refuse("tell", config.without)
    return show_tell.init_params(rng, D, config.embedding, config.state, log_frequencies, dtype)


def loss_and_grads(params, a, batch, config, rng, workspace=None):
    """One pass forward and back. a: (N, L, D). Returns the loss.Loss, da: (N, L, D) and gradients by name."""
    decoder = _arranged(a)
    mask_h = dropout.dropout_mask(rng, (*batch.words.shape, config.state), config.dropout, a.dtype)
    logits, cache = decoder.decode_forward(params, a, batch.words, mask_h, workspace)
    loss, cache_loss = loss_forward(logits, None, batch, config)
    dlogits, _ = loss_backward(cache_loss, workspace)
    da, grads = decoder.decode_backward(dlogits, cache, workspace)
    return loss, da, grads


def loss_only(params, a, batch, config, workspace=None):
    """The loss.Loss without dropout and without gradients."""
    mask_h = np.ones((*batch.words.shape, config.state), a.dtype)
    logits, _ = _arranged(a).decode_forward(params, a, batch.words, mask_h, workspace)
    return loss_forward(logits, None, batch, config)[0]


def _arranged(a):
    """The decoder as it is written, or as it is fast."""
    return show_tell_fused if kernels.use_kernels(a, composite=True) else show_tell
