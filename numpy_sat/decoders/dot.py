"""The model "dot": the model "soft" with scaled dot products for its score (layers/dot_attention.py), of several heads.

All else is soft's: gate, LSTM, deep output, first state, and the parts that can be left out. z_t has A numbers here,
not D: what the heads have found.
"""

import numpy as np

from numpy_sat.decoders import attend_tell, parts, soft
from numpy_sat.system.errors import InputError

SETTINGS = (*soft.SETTINGS, "heads")

loss_and_grads, loss_only = soft.loss_and_grads, soft.loss_only
begin, step, select = soft.begin, soft.step, soft.select


def init_params(rng, D, config, log_frequencies, dtype=np.float32):
    """All parameters by name, but for those of the parts in config.without.

    W_q: (heads, S, A / heads), W_k, W_v: (heads, D, A / heads) stand where soft has W_a, b_a, W_h and v. Raises
    InputError, a ValueError, where A, config.attention, cannot be shared out to config.heads.
    """
    M, S, A, heads = config.embedding, config.state, config.attention, config.heads
    if heads < 1 or A % heads:
        raise InputError(f"heads={heads}: there must be at least one, and attention, {A}, be divisible by it.")

    def weights(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-2])).astype(dtype)

    params = attend_tell.init_params(rng, D, M, S, A, log_frequencies, dtype)
    params = {name: array for name, array in params.items() if name not in ("W_a", "b_a", "W_h", "v")}
    params |= {"W_q": weights(heads, S, A // heads)}
    params |= {name: weights(heads, D, A // heads) for name in ("W_k", "W_v")}
    params |= {"W_x": weights(M + A, 4 * S), "L_z": weights(A, M)}
    return parts.removed(params, config.without)
