"""Typical mistakes in exercise 11."""

from .record import Mistake

MISTAKES = [
    Mistake(
        11,
        "score_forward",
        "u, cache_u = activations.tanh_forward(keys_by_image + query_by_image)",
        "u = activations.tanh_forward(keys_by_image)[0] + query_by_image; cache_u = activations.TanhCache(u)",
        "u or e",
        r"tanh.*(keys|sum|query)|query.*tanh",
        "applies the tanh to the keys alone",
    ),
    Mistake(
        11,
        "score_backward",
        """\
    dsum = du * (1 - u * u)

    # dkeys_ik = sum over the image's captions b of dsum_bik
    dkeys = dsum.sum(axis=1)  # (N, L, A)
    # dquery_bk = sum over locations i of dsum_bik
    dquery = dsum.sum(axis=2).reshape(B, A)
""",
        """\
    dkeys, dquery = du.sum(1), du.sum(2).reshape(B, A)
""",
        "dsum",
        r"(tanh|slope|deriv|1 - u)",
        "forgets the tanh's derivative",
    ),
    Mistake(
        11,
        "context_forward",
        """\
    z = alpha_by_image @ a
    return z.reshape(B, D)""",
        """\
    z = (alpha_by_image[..., None] * a[:, None]).mean(axis=2)
    return z.reshape(B, D)""",
        "z",
        r"mean|divided|average",
        "computes a mean over the locations, although alpha sums to 1",
    ),
    Mistake(
        11,
        "context_backward",
        "a_transposed = a.swapaxes(1, 2)",
        "a_transposed = a.reshape(N, D, L)",
        "dalpha",
        r"reshape.*transpos|transpos.*(reshape|missing)|swapaxes",
        "reshapes the annotations where a transpose is needed",
    ),
]
