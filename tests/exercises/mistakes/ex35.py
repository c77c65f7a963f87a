"""Typical mistakes in exercise 35."""

from .record import Mistake

MISTAKES = [
    Mistake(
        35,
        "glove_forward",
        "weight = np.where(counts < largest, (counts / largest) ** power, 1)",
        "weight = ((counts / largest) ** power)",
        "weight",
        r"above 1|stops|min",
        "lets the weight grow above 1",
    ),
    Mistake(
        35,
        "glove_forward",
        "(counts / largest) ** power, 1)",
        "counts / largest, 1)",
        "weight",
        r"exponent|power",
        "forgets the exponent of the weight",
    ),
    Mistake(
        35,
        "glove_forward",
        "difference = score - np.log(counts)",
        "difference = score - counts",
        "difference",
        r"logarithm|log",
        "fits the count instead of its logarithm",
    ),
    Mistake(
        35,
        "glove_forward",
        "difference = score - np.log(counts)",
        "difference = score - np.log(1 + counts)",
        "difference",
        r"1 \+ X|log1p|1 \+ counts|term `1`",
        "adds 1 to the counts",
    ),
    Mistake(
        35,
        "glove_forward",
        "    squares = difference**2\n",
        "    squares = (weight * difference) ** 2\n    weight = np.ones_like(weight)\n",
        "loss or weight",
        r"squared|weight",
        "squares the weight as well",
    ),
    Mistake(
        35,
        "glove_forward",
        "loss = (weight * squares).sum() / P",
        "loss = (weight * squares).sum()",
        "loss",
        r"mean|divi",
        "sums over the pairs",
    ),
    Mistake(
        35,
        "glove_backward",
        """\
    dw = dproducts * w_tilde
    dw_tilde = dproducts * w
""",
        """\
    dw = dproducts * w
    dw_tilde = dproducts * w_tilde
""",
        "dw or dw_tilde",
        r"exchanged|swapped|where",
        "exchanges the two vectors",
    ),
    Mistake(
        35,
        "glove_backward",
        "ddifference = 2 * difference * dsquares",
        "ddifference = difference * dsquares",
        "dscore",
        r"\b2\b|half",
        "forgets the 2 of the square",
    ),
    Mistake(
        35,
        "glove_backward",
        "dsquares = weight * (dloss / P)",
        "dsquares = np.ones_like(weight) * (dloss / P)",
        "dscore",
        r"weight",
        "forgets the weight",
    ),
    Mistake(
        35,
        "glove_backward",
        "    db_tilde = dscore.copy()\n",
        "    db_tilde = np.full_like(dscore, dscore.sum())\n",
        "db_tilde",
        r"sum",
        "sums the gradient of the bias over all pairs",
    ),
]
