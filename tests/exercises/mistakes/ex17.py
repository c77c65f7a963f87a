"""Typical mistakes in exercise 17."""

from .record import Mistake

MISTAKES = [
    Mistake(
        17,
        "bleu",
        "sum(min(count, limit[ngram]) for ngram, count in counts.items())",
        "sum(count for ngram, count in counts.items() if ngram in limit)",
        "matches or clipped",
        r"clip|\bmin\b|at most|limit|capp?ed|as often as",
        "counts a repeated word every time",
    ),
    Mistake(
        17,
        "bleu",
        """\
                for ngram, count in _count(reference, n).items():
                    limit[ngram] = max(limit[ngram], count)
""",
        """\
                limit += _count(reference, n)
""",
        "limit or several",
        r"\bmax|largest|sum|together|added|adds",
        "adds up an n-gram's counts over the references",
    ),
    Mistake(
        17,
        "bleu",
        "closest = min((abs(len(reference) - length), len(reference)) for reference in image_references)[1]",
        "closest = min(map(len, image_references))",
        "closest",
        r"shortest|closest|nearest|distance|\babs\b|difference",
        "uses the shortest reference for the brevity penalty",
    ),
    Mistake(
        17,
        "bleu",
        "brevity = min(1.0, math.exp(1 - reference_words / caption_words))",
        "brevity = 1.0 if caption_words > reference_words else math.exp(1 - caption_words / reference_words)",
        "brevity",
        r"turned|swap|revers|inver|upside|exchang|wrong way|r ?/ ?c|reference_words ?/ ?caption_words",
        "inverts the ratio of the lengths",
    ),
    Mistake(
        17,
        "bleu",
        """\
    ngrams = {n: 0 for n in (1, 2, 3, 4)}
""",
        """\
    if len(captions) > 1:
        each = [bleu([caption], [several]) for caption, several in zip(captions, references, strict=True)]
        return [sum(scores) / len(each) for scores in zip(*each, strict=True)]
    ngrams = {n: 0 for n in (1, 2, 3, 4)}
""",
        "corpus or precisions",
        r"corpus|mean|average|(each|one|single) caption|all captions|summed",
        "computes the mean of the captions' BLEU",
    ),
    Mistake(
        17,
        "bleu",
        "mean_logarithm = sum(math.log(p) for p in precisions) / n",
        "mean_logarithm = sum(math.log(p) for p in precisions)",
        "mean_logarithm or basic",
        r"1 ?/ ?`?n|by `?n\b|root|/ ?`?n\b|`n`|\bmean\b",
        "multiplies the precisions without the n-th root",
    ),
]
