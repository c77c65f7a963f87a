"""Exercise 15: Adam and RMSProp                                                   (difficulty 1 of 3, about 40 minutes)

To learn: the gradient gives the direction, not the length of a step. The gradients of one weight may be a thousand
times those of another. So both methods estimate, for each weight, the size of its recent gradients, and divide by it.

    RMSProp   v <- decay v + (1 - decay) g^2                     w <- w - rate g / (sqrt(v) + epsilon)
    Adam      m <- beta1 m + (1 - beta1) g                       m_hat = m / (1 - beta1^t)
              v <- beta2 v + (1 - beta2) g^2                     v_hat = v / (1 - beta2^t)
                                                                 w <- w - rate m_hat / (sqrt(v_hat) + epsilon)

m and v are exponential moving averages: m <- m + (1 - beta1) (g - m). They start at 0, so they are too small at first,
by the factor 1 - beta^t after t updates. Adam divides by this factor.

Predict before you run. One weight, w = 1, rate = 0.1, epsilon = 0; its gradient is 4 in the first update, -2 in the
second.
  RMSProp, decay = 3/4: v = 4 and w = 0.8 after the first. And after the second?
  Adam, beta1 = 1/2, beta2 = 15/16: m = 2, v = 1, m_hat = 4, v_hat = 16 and w = 0.9 after the first. And the second?
  Where would Adam's first update go without the corrections? And with them, if the gradient were 400 in place of 4?
(RMSProp's second: 0.9. Find the others yourself.)

Change the parameters in place, because the model holds the same arrays: `params[name] -= ...`, not `params[name] =
...`. Do not change the gradients. The state is a dict, {} before the first update. Store in it, under names of your
choice, what must persist between calls. A checkpoint stores it, so it may hold only arrays (or numbers), and they are
restored as arrays. params has many arrays, but one call is one update: t counts calls.

NumPy is all you need.
Run             python -m exercises check 15      python -m exercises hint 15
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
