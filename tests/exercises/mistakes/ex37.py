"""Typical mistakes in exercise 37."""

from .record import Mistake

MISTAKES = [
    Mistake(
        37,
        "upper_envelope",
        "key=lambda m: (slopes[m], intercepts[m]))",
        "key=lambda m: (slopes[m], intercepts[m]), reverse=True)",
        "lines or starts or rise or start",
        r"largest slope|smallest|sort|order|direction",
        "starts with the largest slope",
    ),
    Mistake(
        37,
        "upper_envelope",
        "key=lambda m: (slopes[m], intercepts[m]))",
        "key=lambda m: (slopes[m], -intercepts[m]))",
        "lines or starts or line",
        r"parallel|lowest|sign",
        "keeps the lowest of parallel lines",
    ),
    Mistake(
        37,
        "upper_envelope",
        "start = (intercepts[last] - intercepts[new]) / difference",
        "start = (intercepts[new] - intercepts[last]) / difference",
        "start or starts or lines",
        r"sign|exchanged|swapped|where",
        "has the wrong sign in the crossing",
    ),
    Mistake(
        37,
        "upper_envelope",
        """\
            lines.pop()
            starts.pop()
            start = -np.inf
""",
        """\
            lines.pop()
            starts.pop()
            start = -np.inf
            if lines:
                start = (intercepts[lines[-1]] - intercepts[new]) / (slopes[new] - slopes[lines[-1]] or 1)
            break
""",
        "lines or starts or start",
        r"at most one|try again|one line",
        "drops one line only",
    ),
    Mistake(
        37,
        "upper_envelope",
        "            if start > starts[-1]:\n                break\n",
        "            break\n",
        "lines or starts or start",
        r"ever dropped|dropped|nowhere",
        "drops no line",
    ),
    Mistake(
        37,
        "upper_envelope",
        "    return lines, starts\n",
        "    return lines, [0.0, *starts[1:]]\n",
        "starts",
        r"-inf|not 0",
        "lets the first line start at 0",
    ),
    Mistake(
        37,
        "line_search",
        "upper_envelope(features @ direction, features @ weights)",
        "upper_envelope(features @ weights, features @ direction)",
        "lines or starts or places",
        r"exchanged|swapped|slopes",
        "exchanges slopes and intercepts",
    ),
    Mistake(
        37,
        "line_search",
        "gammas = [places[0] - 1, *middles, places[-1] + 1]",
        "gammas = middles or [places[0] - 1]",
        "qualities or gamma or best",
        r"left out|before the first|after the last",
        "leaves out the first and the last interval",
    ),
    Mistake(
        37,
        "line_search",
        "return float(gammas[best]), ",
        "return float([places[0] - 2, *places][best] if places else 0), ",
        "gamma",
        r"left end|middle",
        "returns the place of the change, where two captions are equally good",
    ),
    Mistake(
        37,
        "line_search",
        "best = qualities.argmax()",
        "best = qualities.argmin()",
        "best or gamma or best_quality",
        r"lowest|argmin|highest",
        "minimizes the quality",
    ),
    Mistake(
        37,
        "line_search",
        """\
        sums.append(total)

    # The quality is that of the sums, not a sum of qualities.
    qualities = quality(np.array(sums))
""",
        """\
        chosen = [s[e[0][np.searchsorted(e[1], gamma) - 1]] for (_, s), e in zip(lists, envelopes)]
        sums.append(quality(np.array(chosen)).mean())

    qualities = np.array(sums)
""",
        "qualities or best_quality",
        r"single captions|sums over all lists",
        "averages the quality of single captions",
    ),
    Mistake(
        37,
        "line_search",
        "            total = total + statistics[choice]\n",
        "            total = statistics[choice]\n",
        "total or sums or best_quality",
        r"overwr|\+=|last list|sum|accumul",
        "keeps the statistics of the last list only",
    ),
]
