"""Typical mistakes in exercise 13."""

from .record import Mistake

MISTAKES = [
    Mistake(
        13,
        "doubly_stochastic_forward",
        """\
    masked_alpha = alpha * mask[:, :, None]
    attention_sum = masked_alpha.sum(axis=0)
""",
        """\
    attention_sum = alpha.sum(axis=0)
""",
        "missing",
        r"(forgot|left out|lacks|without|not multiplied).*mask|mask.*(missing|forgot|left out)|padding",
        "sums the attention over padding as well",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        "words = mask.sum(axis=0)[:, None]",
        "words = len(alpha)",
        "aim",
        r"mask|longest|own (number|words|length)|padding|each caption|every caption",
        "uses the longest caption's length for every caption in T/L",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        "squares = missing * missing",
        "squares = (aim - alpha) ** 2 * mask[:, :, None]",
        "penalty",
        r"squar|before|alpha.*missing|missing.*alpha|sum(med)? over (words|t\b|time)",
        "squares each word's difference before the sum over words",
    ),
    Mistake(
        13,
        "doubly_stochastic_forward",
        """\
    scale = 1 / B
    if normalisation == "mean":
        scale = scale / L
""",
        """\
    scale = 1.0 if normalisation == "sum" else 1 / L
""",
        "scale or penalty",
        r"not divided|1 ?/ ?`?B\b|divi\w+ by `?B\b|`B`.*(missing|left out)|mean over captions|number of captions",
        "forgets to divide by the number of captions",
    ),
    Mistake(
        13,
        "doubly_stochastic_backward",
        """\
    dmissing = 2 * missing * dsquares
""",
        """\
    dmissing = missing * dsquares
""",
        "dalpha",
        r"\b2\b|half|twice|\b0\.5\b",
        "forgets the 2 of the square's derivative",
    ),
    Mistake(
        13,
        "doubly_stochastic_backward",
        """\
    dalpha = dattention_sum[None, :, :] * mask[:, :, None]
    return dalpha
""",
        """\
    return dattention_sum
""",
        "",
        r"shape|\(\d, \d\).*\(\d, \d, \d\)|ax[ei]s",
        "forgets the time axis: gives all words of a caption the same gradient",
    ),
]
