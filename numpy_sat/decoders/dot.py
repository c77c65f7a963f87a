"""The model "dot": the model "soft" with scaled dot products as its score (layers/dot_attention.py), of several heads.

Gate, LSTM, deep output, first state and the parts that can be left out are those of "soft". z_t has A numbers here, not
D: the heads' contexts side by side.
"""

import numpy as np

from numpy_sat.decoders import attend_tell, parts, soft
from numpy_sat.decoders.attentions import dot as dot_attention
from numpy_sat.decoders.attentions import mean_value
from numpy_sat.system.errors import InputError

SETTINGS = (*soft.SETTINGS, "heads")

step, select = attend_tell.step, attend_tell.select


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """Draw all parameters by name, without those of the parts in config.decoder.without.

    W_q: (heads, S, A / heads), W_k, W_v: (heads, D, A / heads) take the place of soft's W_a, b_a, W_h and v. Raises
    InputError, a ValueError, where the heads cannot share the attention size A.
    """
    M, S, A, heads = (
        config.decoder.embedding_size,
        config.decoder.hidden_size,
        config.decoder.attention_size,
        config.decoder.heads,
    )
    if heads < 1 or A % heads:
        raise InputError(f"heads={heads}: must be at least 1 and divide attention_size={A}.")

    def weights(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-2])).astype(dtype)

    params = attend_tell.init_params(rng, D, M, S, A, log_frequencies, dtype)
    params = {name: array for name, array in params.items() if name not in ("W_a", "b_a", "W_h", "v")}
    params |= {"W_q": weights(heads, S, A // heads)}
    params |= {name: weights(heads, D, A // heads) for name in ("W_k", "W_v")}
    params |= {"W_x": weights(M + A, 4 * S), "L_z": weights(A, M)}
    return parts.removed(params, config.decoder.without)


def loss_and_grads(params, a, batch, config, rng):
    """Run one forward and backward pass. a: (N, L, D). Returns the Loss, da: (N, L, D) and gradients by name."""
    return soft.loss_and_grads_with(parts_of(config), params, a, batch, config, rng)


def loss_only(params, a, batch, config):
    """Return the Loss without dropout and without gradients."""
    return soft.loss_only_with(parts_of(config), params, a, batch, config)


def begin(params, a, config, rng=None):
    """Return the State before the first word, with one caption per image. a: (N, L, D); rng: not used."""
    return attend_tell.begin(params, a, parts_of(config))


def parts_of(config):
    """Return the attend_tell.Parts of a recipe."""
    return parts.remaining(config, dot_attention, mean_value)
