"""Mistakes that learners make in exercise 17."""

from .record import Mistake

MISTAKES = [
    Mistake(
        17,
        "bleu",
        "sum(min(count, allowed[ngram]) for ngram, count in counts.items())",
        "sum(count for ngram, count in counts.items() if ngram in allowed)",
        "matched or clipped",
        r"clip|\bmin\b|at most|limit|capp?ed|as often as|allowed",
        "counts a repeated word every time",
    ),
    Mistake(
        17,
        "bleu",
        """\
                for ngram, count in _count(reference, n).items():
                    allowed[ngram] = max(allowed[ngram], count)
""",
        """\
                allowed += _count(reference, n)
""",
        "allowed or several",
        r"\bmax|largest|sum|together|added|adds",
        "adds up an n-gram's counts over the references",
    ),
    Mistake(
        17,
        "bleu",
        "closest = min((abs(len(reference) - length), len(reference)) for reference in of_image)[1]",
        "closest = min(map(len, of_image))",
        "closest",
        r"shortest|closest|nearest|distance|\babs\b|difference",
        "takes the shortest reference for the brevity penalty",
    ),
    Mistake(
        17,
        "bleu",
        "brevity = min(1.0, math.exp(1 - reference_words / caption_words))",
        "brevity = 1.0 if caption_words > reference_words else math.exp(1 - caption_words / reference_words)",
        "brevity",
        r"turned|swap|revers|inver|upside|exchang|wrong way|r ?/ ?c|reference_words ?/ ?caption_words",
        "turns the ratio of the lengths round",
    ),
    Mistake(
        17,
        "bleu",
        """\
    written = {n: 0 for n in (1, 2, 3, 4)}
""",
        """\
    if len(captions) > 1:
        each = [bleu([caption], [several]) for caption, several in zip(captions, references, strict=True)]
        return [sum(scores) / len(each) for scores in zip(*each, strict=True)]
    written = {n: 0 for n in (1, 2, 3, 4)}
""",
        "corpus or precisions",
        r"corpus|mean|average|(each|one|single) caption|all captions|summed",
        "takes the mean of the captions' BLEU",
    ),
    Mistake(
        17,
        "bleu",
        "mean_logarithm = sum(math.log(p) for p in precisions) / n",
        "mean_logarithm = sum(math.log(p) for p in precisions)",
        "mean_logarithm or basic",
        r"1 ?/ ?`?n|by `?n\b|root|/ ?`?n\b|`n`|\bmean\b",
        "multiplies the precisions without the root",
    ),
]
