"""A simple recurrent network with relu, h_t = relu(u_t + h_{t-1} W_hh)."""

from typing import NamedTuple

import numpy as np

from numpy_sat.layers import activations


class RNNSequenceCache(NamedTuple):
    """Arrays and caches that rnn_sequence_forward keeps for rnn_sequence_backward."""

    h_before: np.ndarray  # (T, B, S) hidden states before each step
    W_hh: np.ndarray  # (S, S)
    steps: list[activations.ReluCache]


def rnn_sequence_forward(u, h, W_hh):
    """Compute T steps of the network with the same weights.

    Args:
        u: (T, B, S) inputs of all steps, after their weights and biases.
        h: (B, S) hidden states before the first step.
        W_hh: (S, S) weights of the hidden state.
    Returns:
        h_all: (T, B, S) hidden states after each step.
        cache: what rnn_sequence_backward needs.
    """
    h_before, h_all, steps = np.empty(u.shape, u.dtype), np.empty(u.shape, u.dtype), []
    for t in range(len(u)):
        h_before[t] = h
        # h_t = relu(u_t + h_{t-1} W_hh)
        h, cache_t = activations.relu_forward(u[t] + h @ W_hh)
        h_all[t] = h
        steps.append(cache_t)
    return h_all, RNNSequenceCache(h_before, W_hh, steps)


def rnn_sequence_backward(dh_all, cache):
    """Compute the gradients of rnn_sequence_forward by backpropagation through time.

    Args:
        dh_all: (T, B, S) gradient of the hidden states after each step.
        cache: from rnn_sequence_forward.
    Returns:
        du: (T, B, S).
        dh: (B, S) of the hidden states before the first step.
        dW_hh: (S, S).
    """
    h_before, W_hh, steps = cache
    du, dh, dW_hh = np.empty(dh_all.shape, dh_all.dtype), np.zeros_like(h_before[0]), np.zeros_like(W_hh)
    for t in reversed(range(len(dh_all))):
        # The gradient of h_t is a sum:
        # term 1, dh_all_t: through the output h_all
        # term 2, dh: through step t + 1
        du[t] = activations.relu_backward(dh_all[t] + dh, steps[t])
        # dh_{t-1} = du_t W_hh^T
        dh = du[t] @ W_hh.T
        # dW_hh = sum over the steps t of h_{t-1}^T du_t
        dW_hh += h_before[t].T @ du[t]
    return du, dh, dW_hh
