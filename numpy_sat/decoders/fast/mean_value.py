"""Replace dot-product attention in the fused recurrence: the context of every word is the mean of the values."""

from numpy_sat.decoders.attentions import mean_value
from numpy_sat.decoders.fast import mean

attend_forward, attend_backward = mean.attend_forward, mean.attend_backward
start_backward, gradients = mean.start_backward, mean.gradients


def start(params, a, words, modes=None):
    """Return the Attention of a batch.

    Args:
        params: arrays by name: W_v.
        a: (N, L, D) annotations.
        words, modes: not used.
    """
    return mean.Attention(mean_value, len(a), *mean_value.keys_forward(params, a))
