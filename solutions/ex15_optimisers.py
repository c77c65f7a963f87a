"""Solution 15: Adam and RMSProp.

Both use exponential moving averages: mean <- beta mean + (1 - beta) value. Start from 0 and unroll t values:

    mean = (1 - beta) (value_t + beta value_{t-1} + ... + beta^{t-1} value_1)

The weights sum to (1 - beta) (1 + beta + ... + beta^{t-1}) = 1 - beta^t, not to 1. So mean / (1 - beta^t) is a weighted
mean from the first update on. This is Adam's bias correction. RMSProp has no correction.

The parameters and the means in the state persist between updates, so both functions change them in place.

Answers to the questions of the page:

Adam's second update gives w = 0.9: m = 2/2 - 2/2 is 0, so the weight does not move.
Without the corrections, the first update would give w = 0.8, because m divided by the root of v is 2.
With the gradient 400, it would give w = 0.9, as with 4: m_hat and the root of v_hat both grow by the factor 100.
"""

import numpy as np


def rmsprop_update(params, grads, state, rate, decay=0.95, epsilon=1e-6):
    """Update all parameters in place by one step of RMSProp (Tieleman and Hinton 2012, lecture 6).

    v is a moving mean of g^2. The update is w <- w - rate g / (sqrt(v) + epsilon).

    Args:
        params: {name: array}.
        grads: {name: array}, gradients of some or all parameters.
        state: dict that lasts from call to call; {} before the first update.
        rate: learning rate.
        decay: decay of v.
        epsilon: smallest denominator.
    """
    for name, g in grads.items():
        # v <- decay v + (1 - decay) g^2, elementwise, from 0 before the first update
        if f"v.{name}" not in state:
            state[f"v.{name}"] = np.zeros_like(g)
        v = state[f"v.{name}"]
        v *= decay
        v += (1 - decay) * g * g

        # w <- w - rate g / (sqrt(v) + epsilon). sqrt(v) is the typical size of g, so the quotient is about 1 or -1 in
        # any unit. epsilon keeps it small where g has always been almost 0.
        size = np.sqrt(v) + epsilon
        params[name] -= rate * g / size


def adam_update(params, grads, state, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Update all parameters in place by one step of Adam (Kingma and Ba 2015, algorithm 1).

    m and v are moving means of g and g^2. The update is w <- w - rate m_hat / (sqrt(v_hat) + epsilon).

    Args:
        params: {name: array}.
        grads: {name: array}, gradients of some or all parameters.
        state: dict that lasts from call to call; {} before the first update.
        rate: learning rate.
        beta1: decay of m.
        beta2: decay of v.
        epsilon: smallest denominator.
    """
    # One call is one update, for any number of arrays. t is an array of one number, so that a checkpoint can store it.
    if "t" not in state:
        state["t"] = np.zeros(1, np.int64)
    state["t"] += 1
    t = int(state["t"][0])

    # The weights of the means sum to 1 - beta^t.
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t

    for name, g in grads.items():
        if f"m.{name}" not in state:
            state[f"m.{name}"] = np.zeros_like(g)
            state[f"v.{name}"] = np.zeros_like(g)
        m, v = state[f"m.{name}"], state[f"v.{name}"]

        # m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g^2. In place, because the state holds these arrays.
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g

        # m_hat = m / (1 - beta1^t);  v_hat = v / (1 - beta2^t). New arrays, because the next update needs m and v.
        m_hat = m / weights_m
        v_hat = v / weights_v

        # w <- w - rate m_hat / (sqrt(v_hat) + epsilon). The quotient is near 1 or -1 where recent gradients agree.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
