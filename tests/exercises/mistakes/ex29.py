"""Typical mistakes in exercise 29."""

from .record import Mistake

MISTAKES = [
    Mistake(
        29,
        "attend_forward",
        "alpha_mean = alpha.mean(axis=0)",
        "alpha_mean = alpha.sum(axis=0)",
        "alpha",
        r"sum.*mean|mean.*sum",
        "returns the sum of the heads' alpha",
    ),
    Mistake(
        29,
        "attend_forward",
        "alpha_mean = alpha.mean(axis=0)",
        "alpha_mean = alpha",
        "",
        r"shape",
        "returns the alpha of every head",
    ),
    Mistake(
        29,
        "attend_forward",
        "alpha, cache_softmax = softmax.softmax_forward(e)",
        """\
alpha = softmax.softmax_forward(e.T)[0].T.copy()
    cache_softmax = softmax.SoftmaxCache(alpha)""",
        "alpha",
        r"heads.*locations",
        "computes the softmax over the heads",
    ),
    Mistake(
        29,
        "attend_backward",
        "dalpha_from_mean = dalpha / heads",
        "dalpha_from_mean = dalpha",
        "dalpha_mean",
        r"heads|len\(",
        "forgets that the returned alpha is a mean over heads",
    ),
    Mistake(
        29,
        "attend_backward",
        "dalpha_total = dalpha_from_context + dalpha_from_mean",
        "dalpha_total = dalpha_from_context",
        "de",
        r"`dalpha(_mean)?`.*(missing|left out|forgotten)",
        "omits the gradient that the attention penalty sends to alpha",
    ),
    Mistake(
        29,
        "attend_backward",
        "dalpha_total = dalpha_from_context + dalpha_from_mean",
        """\
dalpha_total = dalpha_from_context.copy()
    dalpha_total[0] += dalpha""",
        "dalpha_mean or de",
        r"first head",
        "gives the attention penalty's gradient to the first head alone",
    ),
]
