"""Typical mistakes in exercise 24."""

from .record import Mistake

MISTAKES = [
    Mistake(
        24,
        "cosine_similarity",
        "    return directions @ direction",
        "    return E @ query",
        "cosines",
        r"dot product|length|divi",
        "returns dot products without dividing by the lengths",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    lengths = np.sqrt((E * E).sum(axis=1))",
        "    lengths = np.full(len(E), np.sqrt((E * E).sum()))",
        "lengths or cosines",
        r"all of E|each row|axis",
        "divides by the norm of the whole matrix instead of each row's norm",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    lengths[lengths == 0] = 1\n",
        "",
        "lengths or cosines",
        r"divided by 0|`?1`? where|zero",
        "divides by a length of zero, which gives NaN instead of 0",
    ),
    Mistake(
        24,
        "cosine_similarity",
        "    return directions @ direction",
        "    return 1 - directions @ direction",
        "cosines",
        r"1 - ",
        "returns the cosine distance, as scipy does",
    ),
    Mistake(
        24,
        "nearest",
        "[other for other in range(V) if other != word]",
        "list(range(V))",
        "words or order",
        r"itself|left out",
        "lists a word as its own nearest neighbor",
    ),
    Mistake(
        24,
        "nearest",
        """\
    others = [other for other in range(V) if other != word]
    # Sort by decreasing cosine, and equal cosines by increasing number.
    others.sort(key=lambda other: (-cosines[other], other))
    words = np.array(others[:k], np.intp)
""",
        """\
    words = np.argsort(-cosines, kind="stable")[1 : k + 1]
""",
        "words or order",
        r"first is left out|another of cosine 1",
        "drops the first word, as if it were always the query word",
    ),
    Mistake(
        24,
        "nearest",
        "key=lambda other: (-cosines[other], other)",
        "key=lambda other: (cosines[other], other)",
        "words or order",
        r"smallest|farthest|minus|sign",
        "sorts in increasing order, which gives the farthest words",
    ),
    Mistake(
        24,
        "nearest",
        """\
    others.sort(key=lambda other: (-cosines[other], other))
    words = np.array(others[:k], np.intp)
""",
        """\
    order = np.argsort(cosines)[::-1]
    words = order[order != word][:k]
""",
        "words or order",
        r"equal cosines|larger number",
        "reverses an increasing sort, so that of equal cosines the larger number comes first",
    ),
    Mistake(
        24,
        "nearest",
        "return words, cosines[words]",
        "return words, cosines[:k]",
        "cosines",
        r"words 0 to|not of those|`?cosines",
        "returns the cosines of the first words of the vocabulary",
    ),
    Mistake(
        24,
        "nearest",
        "    cosines = cosine_similarity(E, E[word])",
        "    cosines = E @ E[word]",
        "cosines or words or order",
        r"dot product",
        "ranks by dot product, so that long vectors are near to everything",
    ),
    Mistake(
        24,
        "nearest",
        "if word < 0 or word >= V:",
        "if word >= V:",
        "",
        r"must raise an error",
        "accepts -1 as the last word",
    ),
    Mistake(
        24,
        "principal_axes",
        "    centered = E - E.mean(axis=0)",
        "    centered = E",
        "centered",
        r"E\.mean\(axis=0\)`? is missing",
        "does not subtract the mean",
    ),
    Mistake(
        24,
        "principal_axes",
        "    centered = E - E.mean(axis=0)",
        "    centered = E - E.mean(axis=1, keepdims=True)",
        "centered",
        r"axis",
        "subtracts each word's own mean",
    ),
    Mistake(
        24,
        "principal_axes",
        "        if largest < 0:",
        "        if axis[0] < 0:",
        "axes or largest",
        r"first number",
        "chooses the sign by an axis's first number",
    ),
    Mistake(
        24,
        "principal_axes",
        """\
    C = centered.T @ centered
    # The eigenvectors of a symmetric matrix are orthogonal. NumPy returns them as columns, by increasing eigenvalue.
    eigenvalues, eigenvectors = np.linalg.eigh(C)
    squares = eigenvalues[::-1]
    axes = eigenvectors.T[::-1][:k].copy()
    for axis in axes:
        # Choose the sign so that the number with the largest absolute value is positive.
        largest = axis[np.abs(axis).argmax()]
        if largest < 0:
            axis *= -1
""",
        """\
    _, s, axes = np.linalg.svd(centered, full_matrices=False)
    squares, axes = s**2, axes[:k]
""",
        "axes",
        r"sign",
        "returns the signs of the decomposition unchanged",
    ),
    Mistake(
        24,
        "principal_axes",
        "    squares = eigenvalues[::-1]\n",
        "    squares = np.sqrt(np.maximum(eigenvalues[::-1], 0))\n    centered = np.sqrt(squares.sum())\n",
        "squares or shares",
        r"s\^2|s \*\* 2|square|power",
        "computes shares of singular values instead of their squares",
    ),
    Mistake(
        24,
        "principal_axes",
        "    axes = eigenvectors.T[::-1][:k].copy()",
        "    axes = eigenvectors[::-1][:k].copy()",
        "axes",
        r"column|transpos|row",
        "uses rows of a matrix whose columns are the axes",
    ),
    Mistake(
        24,
        "principal_axes",
        "    total = (centered * centered).sum()",
        "    total = squares[:k].sum()",
        "shares",
        r"k squares|not by all|\[:k\]",
        "computes shares relative to the first k axes only",
    ),
    Mistake(
        24,
        "project",
        "    centered = E - mean",
        "    centered = E",
        "x",
        r"mean",
        "does not subtract the mean",
    ),
    Mistake(
        24,
        "project",
        "        x[:, j] = centered @ axis",
        "        x[:, j] = centered @ axis / np.linalg.norm(centered @ axis)",
        "x",
        r"length 1|divided|scaled",
        "returns left singular vectors, in which every axis has the same scale",
    ),
]
