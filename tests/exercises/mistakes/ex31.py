"""Typical mistakes in exercise 31."""

from .record import Mistake

MISTAKES = [
    Mistake(
        31,
        "score_forward",
        "(mask * largest).sum(axis=0)",
        "largest.sum(axis=0)",
        "S or largest",
        r"mask|padding",
        "sums over padding as well",
    ),
    Mistake(
        31,
        "score_forward",
        "largest = products.max(axis=2)",
        "largest = products.mean(axis=2)",
        "S or largest",
        r"mean|largest|max",
        "averages over the regions instead of taking the best one",
    ),
    Mistake(
        31,
        "score_forward",
        "largest = products.max(axis=2)",
        "largest = np.maximum(products, 0).max(axis=2)",
        "S or largest",
        r"below 0|relu|negative",
        "lets no word have a negative product, as in a relu",
    ),
    Mistake(
        31,
        "score_forward",
        "(mask * largest).sum(axis=0)",
        "(mask * largest).sum(axis=0) / mask.sum(axis=0)",
        "S",
        r"mean over words|divi",
        "divides by the number of words",
    ),
    Mistake(
        31,
        "score_backward",
        "np.add.at(dv[k], best[k], weights * s)",
        "dv[k][best[k]] += weights * s",
        "dv",
        r"only one|overwr|\+=|twice|several",
        "adds with +=, which counts a region that is the best of several words only once",
    ),
    Mistake(
        31,
        "score_backward",
        "ds += weights * best_regions",
        "ds = weights * best_regions",
        "ds",
        r"overwr|\+=|sum|last|image",
        "keeps the gradient of the last image only",
    ),
    Mistake(
        31,
        "score_backward",
        "dlargest = mask * dS[k]",
        "dlargest = np.ones_like(mask) * dS[k]",
        "dv or ds or dproducts",
        r"mask|padding",
        "gives padding a gradient",
    ),
    Mistake(
        31,
        "margin_forward",
        "wrong_pairs = ~np.eye(K, dtype=bool)",
        "wrong_pairs = np.ones((K, K), dtype=bool)",
        "others or over_sentences or over_images",
        r"right pair|l = k|l != k|diagonal|eye",
        "counts the right pairs, which add the margin itself",
    ),
    Mistake(
        31,
        "margin_forward",
        "images = S - right.reshape(1, K) + 1",
        "images = S - right.reshape(K, 1) + 1",
        "images or over_images or loss",
        r"right|axis|transpos|swap|where",
        "compares the other images with the wrong right pair",
    ),
    Mistake(
        31,
        "margin_forward",
        "total = np.where(over_sentences, sentences, 0).sum() + np.where(over_images, images, 0).sum()",
        "total = np.where(over_sentences, sentences, 0).sum()",
        "loss",
        r"images|missing",
        "forgets the other images of each sentence",
    ),
    Mistake(
        31,
        "margin_backward",
        "                dS[l, l] -= 1\n",
        "                dS[k, k] -= 1\n",
        "dS",
        r"axis|over_images",
        "lowers the wrong right pair for the other images",
    ),
    Mistake(
        31,
        "margin_backward",
        """\
                dS[k, l] += 1
                dS[k, k] -= 1
""",
        """\
                dS[k, l] += 1
""",
        "dS",
        r"over_sentences|S_kk|right pair",
        "forgets that the other sentences lower the right pair",
    ),
]
