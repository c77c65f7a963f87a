"""Typical mistakes in exercise 27."""

from .record import Mistake

MISTAKES = [
    Mistake(
        27,
        "cross_entropy_forward",
        "loss = total / B",
        "loss = total / mask.sum()",
        "loss",
        r"(number|mean|sum|by).*(words|mask)|captions",
        "divides by the number of words, not of captions",
    ),
    Mistake(
        27,
        "cross_entropy_backward",
        """\
    dword = mask * (dloss / B)
    # word = - sum over k of q_k log p_k, so dlog_p_k = - q_k dword
    dlog_p = -q * dword[..., None]
    # log p_k = logits_k - log_sum. All k share log_sum, so dlog_sum = - sum over k of dlog_p_k.
    dlog_sum = -dlog_p.sum(axis=-1, keepdims=True)
    # log_sum = log sum over j of exp(logits_j). Its derivative with respect to logits_k is exp(logits_k) / total = p_k.
    p = np.exp(log_p)
    # dlogits_k = dlog_p_k + p_k dlog_sum
    # term 1: through logits_k in log p_k, dlog_p_k
    # term 2: through log_sum, p_k dlog_sum
    dlogits = dlog_p + p * dlog_sum
""",
        "    dlogits = (np.exp(log_p) - q) * dloss / B\n",
        "weight or dlogits",
        r"`?mask`?.*(missing|forgotten|left out)|padding",
        "masks the loss but not its gradient",
    ),
    Mistake(
        27,
        "cross_entropy_backward",
        "    return dlogits",
        """\
    difference = np.exp(log_p) - smoothing / logits.shape[-1]
    for t, b in np.ndindex(targets.shape):
        difference[t, b, targets[t, b]] -= 1
    dlogits = difference * (mask * dloss / B)[..., None]
    return dlogits""",
        "at_target or difference or dlogits",
        r"1 - (s\b|`?smoothing)|`?smoothing`?.*(missing|forgotten)|full 1",
        "subtracts 1 at the target instead of 1 - s",
    ),
]
