"""Typical mistakes in exercise 28."""

from .record import Mistake

MISTAKES = [
    Mistake(
        28,
        "attend_forward",
        "alpha, cache_softmax = softmax.softmax_forward(e)",
        "alpha = softmax.softmax_forward(e.T)[0].T.copy(); cache_softmax = softmax.SoftmaxCache(alpha)",
        "alpha",
        r"captions.*locations|locations.*captions|axis|axes|over the captions",
        "computes the softmax over the captions instead of the locations",
    ),
    Mistake(
        28,
        "attend_backward",
        "dalpha_total = dalpha + dalpha_from_context",
        "dalpha_total = dalpha_from_context",
        "de",
        r"`dalpha`.*(missing|forgotten|lost)|outside.*(missing|forgotten|lost)",
        "omits the gradient that the attention penalty sends to alpha",
    ),
]
