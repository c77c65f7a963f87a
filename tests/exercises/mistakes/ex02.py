"""Typical mistakes in exercise 2."""

from .record import Mistake

MISTAKES = [
    Mistake(
        2,
        "one_hot",
        "hot[places, flat] = 1",
        "hot[:, flat] = 1",
        "y or hot",
        r"(every|all|each|whole).*rows?|own (row|word|place)|side by side|pairs?\b|in every|all words",
        "sets the ones of all words in each row",
    ),
    Mistake(
        2,
        "one_hot",
        "return hot.reshape(*words.shape, V)",
        "return hot",
        "",
        r"shape",
        "flattens the words and does not restore their shape",
    ),
    Mistake(
        2,
        "embedding_forward",
        "rows = E[flat]",
        "rows = E[flat - 1]",
        "Ey",
        r"counted from 1|one (row|word)|off by (one|1)|row before|- 1|previous|shift",
        "counts the words from 1, so it reads the previous row",
    ),
    Mistake(
        2,
        "embedding_backward",
        """\
    for word, drow in zip(flat, drows, strict=True):
        dE[word] += drow
""",
        "    dE[words] += dEy\n",
        "dE",
        r"repeat|twice|more than once|several|overwrit|last|only one|gather|add\.at|accumul",
        "adds by fancy indexing, which counts a repeated word once",
    ),
    Mistake(
        2,
        "embedding_backward",
        "    return dE",
        """\
    counts = np.bincount(flat, minlength=len(E))
    return dE / np.maximum(counts, 1)[:, None]""",
        "dE",
        r"mean|divided|average",
        "averages over the occurrences of a word",
    ),
    Mistake(
        2,
        "embedding_backward",
        "flat, drows = words.reshape(-1), dEy.reshape(-1, M)",
        "flat, drows = words.T.ravel(), dEy.reshape(-1, M)",
        "dE",
        r"transpos|turned|order|axes",
        "flattens words and gradients in different orders",
    ),
]
