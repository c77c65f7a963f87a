"""Exercise 15: Adam and RMSProp                                                   (difficulty 1 of 3, about 40 minutes)

Goal            Choose the length of a step. The gradient gives only its direction, and the gradients of one weight may
                be a thousand times those of another. Both methods estimate the size of each weight's recent gradients,
                and divide by it.

Equations       RMSProp   v <- decay v + (1 - decay) g^2          w <- w - rate g / (sqrt(v) + epsilon)
                Adam      m <- beta1 m + (1 - beta1) g            m_hat = m / (1 - beta1^t)
                          v <- beta2 v + (1 - beta2) g^2          v_hat = v / (1 - beta2^t)
                          w <- w - rate m_hat / (sqrt(v_hat) + epsilon)
                All arrays have the shape of the weight w; t counts the updates from 1. m and v are exponential moving
                averages. They start at 0, so after t updates they are too small by the factor 1 - beta^t. Adam divides
                by this factor.

Worked example  One weight w = 1, rate = 0.1, epsilon = 0. Its gradient is 4 in the first update and -2 in the second.
                RMSProp, decay = 3/4:              v = 4   w = 0.8                                   after the first
                Adam, beta1 = 1/2, beta2 = 15/16:  m = 2   v = 1   m_hat = 4   v_hat = 16   w = 0.9   after the first
                RMSProp's second update gives w = 0.9. Find Adam's second. Where would its first go without the
                corrections? And with them, if the gradient were 400 in place of 4?

Your task       1. rmsprop_update: update all parameters in place, because the model holds the same arrays: params[name]
                   -= ..., not params[name] = ... Do not change the gradients.
                2. adam_update: do the same with m, v and t. Trap: params has many arrays, but one call is one update.
                   So t counts calls, not arrays.

Given           NumPy is all you need. `state` is a dict, {} before the first update. Store in it what must persist
                between calls, under names of your choice. A checkpoint saves it, so it may hold only arrays or numbers,
                and they are restored as arrays. There is no cache.

Run             python -m exercises check 15   python -m exercises hint 15   python -m exercises check 15 --pencil
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
    raise NotImplementedError("exercise 15: rmsprop_update")


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
    raise NotImplementedError("exercise 15: adam_update")
