"""Typical mistakes in exercise 32."""

from .record import Mistake

MISTAKES = [
    Mistake(
        32,
        "viterbi",
        "    return a\n",
        "    return scores.argmax(axis=1)\n",
        "a",
        r"own best|beta",
        "gives each word its own best region",
    ),
    Mistake(
        32,
        "viterbi",
        "    return a\n",
        "    return a[::-1]\n",
        "a",
        r"revers|order|way back",
        "returns the assignment from its end to its start",
    ),
    Mistake(
        32,
        "viterbi",
        "a[t - 1] = before[t, a[t]]",
        "a[t - 1] = before[t, best.argmax()]",
        "a or before",
        r"follow|a\[t\]|`?t`? is ignored: -1, the last",
        "follows the best region of the last word at every step",
    ),
    Mistake(
        32,
        "viterbi",
        "        best = scores[t] + sums.max(axis=0)\n",
        "        best = scores[t] + best.max()\n",
        "best",
        r"beta|stay",
        "forgets beta in the sum that is carried on",
    ),
    Mistake(
        32,
        "viterbi",
        "    best = scores[0]\n",
        "    best = np.zeros(R)\n",
        "best",
        r"first word|scores\[0\]|scores",
        "leaves out the scores of the first word",
    ),
    Mistake(
        32,
        "viterbi",
        "a[T - 1] = best.argmax()",
        "a[T - 1] = scores[-1].argmax()",
        "a",
        r"last word|best",
        "starts the way back at the last word's own best region",
    ),
    Mistake(
        32,
        "viterbi",
        "    return a\n",
        """\
    a = [scores[0].argmax()]
    for t in range(1, T):
        a.append((scores[t] + beta * (np.arange(R) == a[-1])).argmax())
    return np.array(a)
""",
        "a",
        r"from the left|later",
        "chooses each word from the left and never changes it",
    ),
    Mistake(
        32,
        "viterbi",
        "        sums[np.diag_indices(R)] += beta\n",
        "        sums[np.diag_indices(R)] -= beta\n",
        "best or stay or a or before",
        r"sign|minus|flipped",
        "subtracts beta, as if the sum were an energy to minimize",
    ),
]
