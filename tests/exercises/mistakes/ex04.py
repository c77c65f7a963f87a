"""Typical mistakes in exercise 4."""

from .record import Mistake

MISTAKES = [
    Mistake(
        4,
        "softmax_forward",
        """\
    total = exp.sum(axis=-1, keepdims=True)
    p = exp / total
""",
        "    p = exp / np.sum(exp, axis=0)\n",
        "p",
        r"axis|axes|columns",
        "sums over the first axis, not the last",
    ),
    Mistake(
        4,
        "softmax_backward",
        "return through_numerator - p * through_total",
        "return dp * p * (1 - p)",
        "dx",
        r"diagonal|p \(1 - p\)|other (scores|p)|every (p|score)|own score|sum.*(missing|forgotten)",
        "uses only the diagonal of the derivative, as for a sigmoid",
    ),
    Mistake(
        4,
        "log_sum_exp",
        "largest = x.max(axis=-1)",
        "largest = np.full(x.shape[:-1], x.max())",
        "largest or log_sum",
        r"whole|everything|entire|(each|own|its|a) row|axis|all (of|rows|scores)",
        "subtracts the maximum of the whole array, so that rows far below it underflow",
    ),
]
