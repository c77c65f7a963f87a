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
    Mistake(
        22,
        "advantage",
        "reward = from_the_end.cumsum(axis=0)[::-1]",
        "reward = log_p.cumsum(axis=0)",
        "reward",
        r"from it on|up to|`?\[::-1\]|backwards|order",
        "sums the words before the sample",
    ),
    Mistake(
        22,
        "advantage",
        "usual = per_word * words",
        "usual = baseline",
        "usual or reward",
        r"left|words",
        "subtracts the whole baseline from a reward-to-go",
    ),
    Mistake(
        22,
        "advantage",
        "reward = log_p.sum(axis=0)  # (B,)",
        "reward = log_p.sum(axis=0) / mask.sum(axis=0)",
        "reward",
        r"mean|word",
        "uses the mean log p per word as the reward",
    ),
    Mistake(
        22,
        "move_baseline",
        "baseline[:] = 0.9 * baseline + 0.1 * new",
        "baseline = 0.9 * baseline + 0.1 * new",
        "baseline or after_one",
        r"new array|in place",
        "makes a new baseline array instead of changing the argument",
    ),
    Mistake(
        22,
        "move_baseline",
        "new = caption_log_p.mean()",
        "new = log_p.mean()",
        "baseline or after_one",
        r"words and captions|sum of `?log_p`? is missing|words are summed",
        "averages over words and captions",
    ),
    Mistake(
        22,
        "entropy_forward",
        "entropy = (word_entropy * mask).sum() / B",
        "entropy = (word_entropy * mask).sum() / mask.sum()",
        "entropy",
        r"mean over words|captions",
        "averages over words instead of captions",
    ),
    Mistake(
        22,
        "entropy_backward",
        "slope = -log_alpha - 1",
        "slope = -log_alpha",
        "dalpha",
        r"`?1`? is missing|\+ 1",
        "forgets the factor alpha before the log",
    ),
]
