"""Typical mistakes in exercise 15."""

from .record import Mistake

MISTAKES = [
    Mistake(
        15,
        "adam_update",
        """\
        m_hat = m / weights_m
        v_hat = v / weights_v

        # w <- w - rate m_hat / (sqrt(v_hat) + epsilon). The quotient is near 1 or -1 where recent gradients agree.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
""",
        """\
        params[name] -= rate * m / (np.sqrt(v) + epsilon)
""",
        "correction1 or correction2 or params",
        r"correct|1 - beta|_hat|weights_[mv]",
        "omits the bias correction of the means",
    ),
    Mistake(
        15,
        "adam_update",
        """\
        m_hat = m / weights_m
        v_hat = v / weights_v

        # w <- w - rate m_hat / (sqrt(v_hat) + epsilon). The quotient is near 1 or -1 where recent gradients agree.
        params[name] -= rate * m_hat / (np.sqrt(v_hat) + epsilon)
""",
        """\
        m /= weights_m
        v /= weights_v
        params[name] -= rate * m / (np.sqrt(v) + epsilon)
""",
        "m or v",
        r"correct|stored|kept|keeps|in place|overwrit|1 - beta",
        "stores the corrected means in the state",
    ),
    Mistake(
        15,
        "adam_update",
        """\
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t
""",
        """\
    weights_m, weights_v = 1 - beta1, 1 - beta2
""",
        "correction1 or correction2",
        r"power|expon|`t`|\*\* ?`?t|\^ ?`?t",
        "forgets the power t in the correction",
    ),
    Mistake(
        15,
        "adam_update",
        """\
    state["t"] += 1
    t = int(state["t"][0])

    # The weights of the means sum to 1 - beta^t.
    weights_m = 1 - beta1**t
    weights_v = 1 - beta2**t

    for name, g in grads.items():
""",
        """\
    for name, g in grads.items():
        state["t"] += 1
        t = int(state["t"][0])
        weights_m = 1 - beta1**t
        weights_v = 1 - beta2**t
""",
        "t",
        r"loop|(each|every|per) (array|parameter|name|call|update)|once|inside|too (large|many|often)|counted",
        "increments the update count for each array",
    ),
    Mistake(
        15,
        "rmsprop_update",
        """\
        v *= decay
        v += (1 - decay) * g * g
""",
        """\
        v[...] = (1 - decay) * v + decay * g**2
""",
        "v",
        r"swap|exchang|1 - `?decay|`?decay`?.*(instead|place)|roles|turned",
        "swaps decay and 1 - decay",
    ),
    Mistake(
        15,
        "rmsprop_update",
        """\
        size = np.sqrt(v) + epsilon
        params[name] -= rate * g / size
""",
        """\
        params[name] -= rate / np.sqrt(v + epsilon) * g
""",
        "params",
        r"epsilon.*(root|sqrt|under|inside|outside)|(root|sqrt|under|inside|outside).*epsilon",
        "adds epsilon under the square root",
    ),
]
