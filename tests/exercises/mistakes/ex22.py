"""Typical mistakes in exercise 22."""

from .record import Mistake

MISTAKES = [
    Mistake(
        22,
        "draw_forward",
        "    s = pieces_before.sum(axis=1)\n",
        "    s = alpha.argmax(axis=1)\n",
        "s",
        r"likeliest|argmax|uniform",
        "chooses the likeliest location instead of sampling one",
    ),
    Mistake(
        22,
        "draw_forward",
        "pieces_before = ends <= place[:, None]",
        "pieces_before = alpha <= place[:, None]",
        "",
        r"IndexError",
        "compares alpha instead of its cumulative sum with the uniform number",
    ),
    Mistake(
        22,
        "draw_forward",
        "    place = uniforms * length\n",
        "    place = np.minimum(uniforms, 1)\n",
        "s",
        r"last|`?upto\[:, -1\]`?|multiplied",
        "forgets that the cumulative sum may end below 1",
    ),
    Mistake(
        22,
        "draw_forward",
        "weights = np.where(expected[:, None], alpha, one_hot)",
        "weights = one_hot",
        "weights",
        r"expected",
        "samples for captions with the expected context, too",
    ),
    Mistake(
        22,
        "draw_backward",
        "sampled_part = np.zeros_like(dweights)",
        "sampled_part = dweights",
        "dalpha",
        r"straight-through|derivative|draws? get",
        "passes the gradient through a sampled location",
    ),
    Mistake(
        22,
        "location_log_p_backward",
        "slope = 1 / at_s",
        "slope = np.ones_like(at_s)",
        "dalpha",
        r"division|1 / alpha",
        "forgets the derivative of the log",
    ),
    Mistake(
        22,
        "location_log_p_backward",
        """\
    dalpha = np.zeros_like(alpha)
    np.put_along_axis(dalpha, place, dat_s, axis=-1)
""",
        """\
    chosen = np.zeros_like(alpha)
    np.put_along_axis(chosen, place, 1, axis=-1)
    dalpha = dlog_p[..., None] * (chosen - alpha)
""",
        "dalpha",
        r"scores|softmax",
        "returns the gradient of the scores instead of alpha's",
    ),
]
