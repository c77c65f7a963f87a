"""Words as vectors"""

import numpy as np

from exercises.judging.faults import Mistake
from exercises.judging.judge import Task
from exercises.lessons import Example, Facts
from numpy_sat.layers import embedding

FACTS = Facts(difficulty=1, minutes=30, chapter="word_vectors")

INTRO = """\
Goal            Turn words into vectors, and find where their gradient goes. Every word of a caption enters the decoder
                through this layer. Its backward pass is one line, and the line that most people write first is wrong.

Equations       Ey = y E        Ey_m = sum over v of y_v E_vm                    (..., M)   y: one-hot, (..., V)
                dE = y^T dEy    dE_vm = sum over all positions n of y_nv dEy_nm  (V, M)
                All terms of the first sum but one are 0, so Ey is the row of E at the word. No multiplication is
                needed. In the second sum, which terms remain for one word v? In how many positions can a word occur?

Worked example  The words I, live, in, Rome, Paris, Italy, France have the numbers 0 to 6. So a one-hot vector has
                length 7, and Paris is [0, 0, 0, 0, 1, 0, 0].
                The four sentences "I live in Rome / Paris / Italy / France" are words of shape (4, 4): "I live in
                Paris" is [0, 1, 2, 4]. Let M = 2, and let every entry of dEy be 1. Then dE is (7, 2), and its row for
                "live" is [4, 4]. What are the other six rows?
                E = [[1, 2], [3, 4], [5, 6]]   words = [2, 0, 2]   Ey = [[5, 6], [1, 2], [5, 6]]
                dEy = [[1, 0], [0, 1], [10, 10]]              Find dE. Which of its rows is zero?

Your task       1. one_hot: return 1 at the index of each word and 0 elsewhere, as float64. Trap: -1 is no word, but
                   NumPy reads it as the last one. Raise IndexError if a word is outside 0..V-1.
                2. embedding_forward: look up the row of E for each word. It need not refuse -1.
                3. embedding_backward: compute dE. Trap: one word may occur in several positions.

Given           words may have any shape, usually (T, B). Ey and the one-hot vectors have one more axis, the last.
                EmbeddingCache(words, E) is packed and unpacked for you.
"""

IMPORTS = """\
import numpy as np

from numpy_sat.layers.embedding import EmbeddingCache"""

SENTENCES = np.array([[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 2, 5], [0, 1, 2, 6]])  # from the slides


def one_hot_cases(rng):
    """Return cases of words below V - 1, the slides' words, words with one axis, and words with three axes."""
    return [
        {"words": np.array([[3, 0, 5, 3], [1, 1, 0, 2]]), "V": 7},
        {"words": SENTENCES, "V": 7},
        {"words": np.array([4, 0, 2]), "V": 5},
        {"words": rng.integers(6, size=(2, 3, 2)), "V": 6},
    ]


def forward_cases(rng):
    """Return cases of repeated and absent words, with the last of V, a square E, three axes, and the slides' words."""
    return [
        {"E": rng.standard_normal((V, M)), "words": words}
        for V, M, words in [
            (7, 3, rng.permutation([[0, 5], [2, 5], [1, 4], [5, 0]])),
            (4, 4, np.array([3, 0, 1, 3, 3])),
            (5, 2, rng.integers(5, size=(3, 1, 4))),
            (7, 2, SENTENCES),
        ]
    ]


def backward_cases(rng):
    """Return a random dEy for each forward case."""
    cases = []
    for inputs in forward_cases(rng):
        Ey, cache = embedding.embedding_forward(**inputs)
        cases.append({"dEy": rng.standard_normal(Ey.shape), "cache": cache})
    return cases


HOT, SCATTER = "words[..., None] == np.arange(V)", "np.add.at(dE, words.ravel(), dEy.reshape(-1, E.shape[1]))"
HOT_MISTAKES = (
    Mistake(
        HOT,
        "np.broadcast_to(np.isin(np.arange(V), words), (*words.shape, V))",
        "every vector has a 1 for every word of the batch, not only for its own word: index rows and columns together",
    ),
    Mistake(HOT, "words[..., None] - 1 == np.arange(V)", "words are counted from 1, not from 0"),
    Mistake(
        HOT,
        "np.sort(words, axis=None).reshape(words.shape)[..., None] == np.arange(V)",
        "the rows are those of the sorted words, not in the words' own order",
    ),
)
LOOKUP_MISTAKES = (
    Mistake("return E[words]", "return E[words - 1]", "words are counted from 1, not from 0"),
    Mistake("return E[words]", "return np.ascontiguousarray(E[words][..., ::-1])", "the components are reversed"),
)
SCATTER_MISTAKES = (
    Mistake(
        SCATTER,
        SCATTER + "; dE /= np.maximum(np.bincount(words.ravel(), minlength=len(E)), 1)[:, None]",
        "a mean over the positions of a word where their sum belongs: divided by the number of occurrences",
    ),
    Mistake(
        SCATTER,
        "np.add.at(dE, words.T.ravel(), dEy.reshape(-1, E.shape[1]))",
        "words and gradients are flattened in different orders, so gradients are added to other words",
    ),
    Mistake(
        SCATTER,
        "for y, d in zip(words, dEy): dE[y] += d",
        "within a step, `+=` counts a word that occurs twice only once: a repeated index keeps the last sum only",
    ),
    Mistake("dE = np.zeros_like(E)", "dE = E.copy()", "dE begins as E, but it must begin at zero"),
    Mistake(SCATTER, SCATTER + "; dE[0] = 0", "the row of word 0 is cleared as if it were padding, but it is a word"),
)

TASKS = (
    Task(
        embedding,
        "one_hot",
        one_hot_cases,
        ("y",),
        {
            "y": "y_nv = 1 where v is the word at n, else 0",
            "hot": "hot_nv = True where the word at n is v",
        },
        mistakes=HOT_MISTAKES,
        refused=({"words": np.array([[0, 7]]), "V": 7}, {"words": np.array([2, -1]), "V": 7}),
        single=False,  # it has no dtype argument and always returns float64
    ),
    Task(
        embedding,
        "embedding_forward",
        forward_cases,
        ("Ey", "cache"),
        {"Ey": "Ey_n = the row of E at the word n", "cache": "the cache keeps words, E"},
        refused=({"E": np.zeros((3, 2)), "words": np.array([0, 3])},),
        mistakes=LOOKUP_MISTAKES,
    ),
    Task(
        embedding,
        "embedding_backward",
        backward_cases,
        ("dE",),
        {"dE": "dE_v = the sum of dEy_n over all positions n where the word is v; 0 if it does not occur"},
        mistakes=SCATTER_MISTAKES,
    ),
)

HINTS = {
    "one_hot": (
        "How long is a vector, and how many are there? Which numbers would you compare with which?",
        "y_nv = 1 where v is the word at n, else 0, for v = 0 .. V - 1",
        "words is (...), for example (T, B). y is (..., V): words[..., None], (..., 1), against np.arange(V), (V,), "
        "broadcasts to (..., V).",
        "words[..., None] == np.arange(V) compares every word with every v. A row without a 1 is not a word: raise. "
        "Convert the result to float64.",
    ),
    "embedding_forward": (
        "Which term of one_hot(words, V) @ E remains, when all others are zero?",
        "Ey_n = E_v, where v is the word at n",
        "words is (...) and E is (V, M), so Ey is (..., M): each word is replaced by a row of M numbers.",
        "E[words]: indexing with an array returns one row for each index, in the shape of words.",
    ),
    "embedding_backward": (
        'At which positions is the word "live" in the four sentences? Which gradients does its row of dE contain?',
        "dE_v = sum of dEy_n over all n whose word is v",
        "dE is (V, M), as E. dEy is (..., M): as rows, dEy.reshape(-1, M) has one row for each entry of words.ravel().",
        "dE[words] += dEy counts a word that occurs twice only once. np.add.at(dE, words, dEy) counts both. So does a "
        "loop over the positions.",
    ),
}


def pencil():
    """Return the worked example of the page."""
    E, words = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([2, 0, 2])
    _, cache = embedding.embedding_forward(E, words)
    return [
        Example("one_hot", {"words": SENTENCES[1], "V": 7}),
        Example("embedding_forward", {"E": E, "words": words}),
        Example("embedding_backward", {"dEy": np.array([[1.0, 0], [0, 1], [10, 10]]), "cache": cache}),
    ]
