"""Typical mistakes in exercise 1."""

from .record import Mistake

MISTAKES = [
    Mistake(
        1,
        "relative_error",
        "return worst / (size_a + size_n)",
        "return worst / float((np.abs(analytic) + np.abs(numeric)).max())",
        "error",
        r"of one entry",
        "divides by the |a| + |n| of a single entry",
    ),
    Mistake(
        1,
        "numerical_gradient",
        "run = 2 * step",
        "run = step",
        "gradient",
        r"(factor|divid|times|divisor).*\b2\b|\b2\b.*(missing|step)|twice|half|doubl",
        "divides the central difference by step, not by 2 step",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
        x[index] = value - step
        below = loss()
        # Restore the stored value. Subtracting the step again may give another number: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = value
        rise = above - below
        run = 2 * step  # from value - step to value + step
""",
        """\
        x[index] = value
        at_rest = loss()
        rise, run = above - at_rest, step
""",
        "below or gradient or x",
        r"one-sided|forward difference|central|`?step`?.*missing",
        "a one-sided difference: from x to x + step",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
        x[index] = value
        rise =""",
        "        rise =",
        "restored or x",
        r"put back|restor|not.*back|`x\[index\] = value` is missing",
        "moves to the next entry without restoring this one",
    ),
    Mistake(
        1,
        "numerical_gradient",
        """\
    for index in np.ndindex(x.shape):
        # A partial derivative moves one entry and holds all others.
        value = x[index]
        # Write into x itself, because the loss reads this array.
        x[index] = value + step
        above = loss()
        x[index] = value - step
        below = loss()
        # Restore the stored value. Subtracting the step again may give another number: 0.3 + 0.1 - 0.1 is not 0.3.
        x[index] = value
        rise = above - below
        run = 2 * step  # from value - step to value + step
        # gradient = (loss(x + step) - loss(x - step)) / (2 step)
        gradient[index] = rise / run
    return gradient""",
        """\
    flat, slopes = x.reshape(-1), gradient.reshape(-1)
    slopes = np.empty(flat.size)
    for k in range(flat.size):
        kept = flat[k]
        flat[k] = kept + step
        up = loss()
        flat[k] = kept - step
        down = loss()
        flat[k] = kept
        slopes[k] = (up - down) / (2 * step)
    return slopes.reshape(x.shape)""",
        "x or above or below",
        r"copy|not moved|reshape|contiguous|x itself|does not (reach|read|see)",
        "changes x.reshape(-1), which is a copy if x is not contiguous",
    ),
    Mistake(
        1,
        "relative_error",
        "worst = float(np.abs(analytic - numeric).max(initial=0))",
        "worst = float((analytic - numeric).max(initial=0))",
        "worst or error",
        r"\babs|absolute|\|a - n\||sign|negative",
        "omits the absolute value of the difference",
    ),
    Mistake(
        1,
        "relative_error",
        "    return worst / (size_a + size_n)",
        """\
    ratios = np.abs(analytic - numeric) / (np.abs(analytic) + np.abs(numeric))
    return float(ratios.max())""",
        "error or largest",
        r"entry by entry|(each|every|per|an) entry|elementwise|(each|both) max|over (all|the whole)",
        "divides each entry separately and returns the largest ratio",
    ),
]
