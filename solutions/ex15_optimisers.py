"""Solution 15: Adam and RMSProp.

Both keep moving means: mean <- beta mean + (1 - beta) value, which is mean + (1 - beta) (value - mean). Unrolled from a
mean of 0, after t values it is (1 - beta) (value_t + beta value_{t-1} + ... + beta^{t-1} value_1), whose weights sum to
(1 - beta) (1 + beta + ... + beta^{t-1}) = 1 - beta^t, not to 1. So mean / (1 - beta^t) is a true weighted mean from the
first update on: that is Adam's correction. RMSProp does without.

Everything that lasts is changed in place: the parameters, and the means in the state.
"""

import numpy as np


def rmsprop_update(params, grads, state, rate, decay=0.95, epsilon=1e-6):
    """RMSProp (Tieleman and Hinton 2012): v <- moving mean of g^2; w <- w - rate g / (sqrt(v) + epsilon).

    params, grads: {name: array}; state: {} at first, kept by the caller; rate: learning rate.
    """
    for name, g in grads.items():
        # The moving mean of g^2, of every number in this array; 0 before the first update.
        if f"v.{name}" not in state:
            state[f"v.{name}"] = np.zeros_like(g)
        v = state[f"v.{name}"]
        v *= decay
        v += (1 - decay) * g * g

        # Its root is how large g usually is: g / size is about 1 or -1, whatever g is measured in. epsilon keeps the
        # quotient small where g has always been 0 or nearly so.
        size = np.sqrt(v) + epsilon
        params[name] -= rate * g / size


def adam_update(params, grads, state, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Adam (Kingma and Ba 2015): m, v <- moving means of g, g^2; w <- w - rate m_hat / (sqrt(v_hat) + epsilon).

    params, grads: {name: array}; state: {} at first, kept by the caller; rate: learning rate.
    """
    # A call is one update, however many arrays there are. An array of one number, so that a checkpoint can store it.
    if "t" not in state:
        state["t"] = np.zeros(1, np.int64)
    state["t"] += 1
    t = int(state["t"][0])

    # The sums of the weights in the means, see above.
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t

    for name, g in grads.items():
        if f"m.{name}" not in state:
            state[f"m.{name}"] = np.zeros_like(g)
            state[f"v.{name}"] = np.zeros_like(g)
        m, v = state[f"m.{name}"], state[f"v.{name}"]

        # The moving means, in place: these arrays are the state's.
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * g * g

        # Corrected, in new arrays: next time the means go on from what they are, not from these.
        m_hat = m / weights_m
        v_hat = v / weights_v

        # The usual gradient over its usual size: nearly 1 or -1 where the gradients agree, small where they differ.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
