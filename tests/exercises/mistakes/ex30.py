"""Typical mistakes in exercise 30."""

from .record import Mistake

MISTAKES = [
    Mistake(
        30,
        "advantage",
        "reward = from_the_end.cumsum(axis=0)[::-1]",
        "reward = log_p.cumsum(axis=0)",
        "reward",
        r"from it on|up to|`?\[::-1\]|backwards|order",
        "sums the words before the sample",
    ),
    Mistake(
        30,
        "advantage",
        "usual = per_word * words",
        "usual = baseline",
        "usual or reward",
        r"left|words",
        "subtracts the whole baseline from a reward-to-go",
    ),
    Mistake(
        30,
        "advantage",
        "reward = log_p.sum(axis=0)  # (B,)",
        "reward = log_p.sum(axis=0) / mask.sum(axis=0)",
        "reward",
        r"mean|word",
        "uses the mean log p per word as the reward",
    ),
    Mistake(
        30,
        "move_baseline",
        "baseline[:] = 0.9 * baseline + 0.1 * new",
        "baseline = 0.9 * baseline + 0.1 * new",
        "baseline or after_one",
        r"new array|in place",
        "makes a new baseline array instead of changing the argument",
    ),
    Mistake(
        30,
        "move_baseline",
        "new = caption_log_p.mean()",
        "new = log_p.mean()",
        "baseline or after_one",
        r"words and captions|sum of `?log_p`? is missing|words are summed",
        "averages over words and captions",
    ),
    Mistake(
        30,
        "entropy_forward",
        "entropy = (word_entropy * mask).sum() / B",
        "entropy = (word_entropy * mask).sum() / mask.sum()",
        "entropy",
        r"mean over words|captions",
        "averages over words instead of captions",
    ),
    Mistake(
        30,
        "entropy_backward",
        "slope = -log_alpha - 1",
        "slope = -log_alpha",
        "dalpha",
        r"`?1`? is missing|\+ 1",
        "forgets the factor alpha before the log",
    ),
]
