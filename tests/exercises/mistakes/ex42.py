"""Typical mistakes in exercise 42."""

from .record import Mistake

MISTAKES = [
    Mistake(
        42,
        "match",
        "        cost = 1 - p[:, tags[places, n]]\n",
        "        cost = -np.log(p[:, tags[places, n]])\n",
        "a",
        r"log p|1 - p",
        "takes the loss for the cost",
    ),
    Mistake(
        42,
        "assign",
        "    a = np.empty(R, np.int64)\n    taken = np.flatnonzero(row_of >= 0)\n    a[row_of[taken]] = taken\n",
        """\
    a, free = np.empty(R, np.int64), cost.copy()
    for row in range(R):
        a[row] = free[row].argmin()
        free[:, a[row]] = np.inf
""",
        "a",
        r"give its column away",
        "lets each row take the cheapest free column",
    ),
    Mistake(
        42,
        "assign",
        "    a = np.empty(R, np.int64)\n    taken = np.flatnonzero(row_of >= 0)\n    a[row_of[taken]] = taken\n",
        "    a = cost.argmin(axis=1)\n",
        "a",
        r"same column",
        "gives two rows the same column",
    ),
    Mistake(
        42,
        "assign",
        "        v[is_final] -= total - length[is_final]\n",
        "        v[is_final] += total - length[is_final]\n",
        "v or a",
        r"sign|\+=|-=",
        "raises the potentials of the columns",
    ),
    Mistake(
        42,
        "match",
        "        targets[places, n] = tags[places[a], n]\n",
        "        targets[places[a], n] = tags[places, n]\n",
        "a or targets",
        r"inverse|swapped",
        "takes the inverse of the assignment",
    ),
    Mistake(
        42,
        "match",
        "        cost = 1 - p[:, tags[places, n]]\n",
        "        cost = p[:, tags[places, n]]\n",
        "a",
        r"1 - p|`1`",
        "takes p for the cost",
    ),
    Mistake(
        42,
        "match",
        "        places = np.flatnonzero(hidden[:, n])\n",
        "        places = np.arange(len(hidden))\n",
        "places",
        r"all places|hidden",
        "matches all places",
    ),
    Mistake(
        42,
        "set_loss_forward",
        "    targets = match(logits, tags, hidden)\n",
        "    targets = tags\n",
        "loss",
        r"not matched",
        "forgets the assignment",
    ),
    Mistake(
        42,
        "set_loss_forward",
        "losses.cross_entropy_forward(logits, targets, hidden)",
        "losses.cross_entropy_forward(logits, targets, np.ones_like(hidden))",
        "loss",
        r"all places|hidden",
        "counts all places",
    ),
]
